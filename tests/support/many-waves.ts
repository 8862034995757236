/** A thousand waves of fifty items each, all in one tenant. */
export function manyWaves(tenant: string): string {
  return `
  set session_replication_role = replica;
  insert into wave (tenant_id, wave_id, wave_name, created_by, correlation_id, created_at, is_pack_missing, default_rules_version, shared_text,
                    shared_hash, state, last_event_no, last_event_hash, last_event_at, item_count, ready_count, settled_at)
  select '${tenant}', 'rw_' || lpad(to_hex(n), 32, '0'), 'w', 'maker ' || n % 50, 'c' || n, now() - n * interval '1 minute', false, '1',
         '{}', 'sha256:' || repeat('0', 64), case n % 4 when 0 then 'RUNNING' else 'COMPLETED' end, 1, 'h', now(), 50,
         case n % 4 when 0 then 0 else 50 end, case n % 4 when 0 then null else now() end
    from generate_series(1, 1000) n;
  insert into wave_portfolio (tenant_id, upload_id, line_no, item_key, portfolio_id, portfolio_text, portfolio_hash, sent_at)
  select '${tenant}', 'rwu_' || lpad(to_hex(n), 32, '0'), k, 'pf-' || k, 'pf', '{}', 'sha256:' || repeat('0', 64), now()
    from generate_series(1, 1000) n, generate_series(1, 50) k;
  insert into wave_item (tenant_id, wave_id, item_key, position, upload_id, line_no, status, attempt, lease_owner, claimable_at,
                         rebalance_run_id, run_status, result_hash, started_at, finished_at)
  select '${tenant}', 'rw_' || lpad(to_hex(n), 32, '0'), 'pf-' || k, k, 'rwu_' || lpad(to_hex(n), 32, '0'), k,
         case n % 4 when 0 then 'PENDING' else 'SUCCEEDED' end, case n % 4 when 0 then 0 else 1 end,
         case n % 4 when 0 then null else 'w' end, case n % 4 when 0 then now() end,
         case n % 4 when 0 then null else 'rr_' || n || '_' || k end, case n % 4 when 0 then null else 'READY' end,
         case n % 4 when 0 then null else 'sha256:' || repeat('0', 64) end, case n % 4 when 0 then null else now() end,
         case n % 4 when 0 then null else now() end
    from generate_series(1, 1000) n, generate_series(1, 50) k;
  insert into wave_event (tenant_id, wave_id, event_no, event_id, event_type, to_state, occurred_at, correlation_id, counts_text,
                          wave_hash, portfolios_hash, hash_version, event_hash)
  select '${tenant}', wave_id, 1, 'rwe_' || substr(wave_id, 4), 'CREATED', 'DRAFT', now(), 'c', '{}', 'sha256:' || repeat('0', 64),
         'sha256:' || repeat('0', 64), 1, 'sha256:' || repeat('0', 64) from wave;
  insert into wave_total (tenant_id, wave_id, measure, label, currency, amount, quantity, count)
  select '${tenant}', wave_id, 'BUY', 'EQ_' || k, 'USD', 1, 1, 1 from wave, generate_series(1, 20) k;
  set session_replication_role = origin;
  analyze;`;
}
