-- What the retention job may do: find and delete, across tenants, what has outlived its keep. It reads no document.

create policy retention_purges on async_operation     to ballast_retention using (true) with check (false);
create policy retention_purges on rebalance_run       to ballast_retention using (true) with check (false);
create policy retention_purges on run_payload         to ballast_retention using (true) with check (false);
create policy retention_purges on idempotency_record  to ballast_retention using (true) with check (false);
create policy retention_purges on idempotency_history to ballast_retention using (true) with check (false);
create policy retention_purges on lineage_edge        to ballast_retention using (true) with check (false);

grant delete on async_operation, rebalance_run, run_payload, idempotency_record, idempotency_history, lineage_edge
  to ballast_retention;
grant select (tenant_id, operation_id, finished_at) on async_operation to ballast_retention;
grant select (tenant_id, rebalance_run_id, created_at) on rebalance_run to ballast_retention;
grant select (tenant_id, rebalance_run_id) on run_payload, idempotency_history to ballast_retention;
grant select (tenant_id, scope, idempotency_key, rebalance_run_id, created_at, expires_at) on idempotency_record
  to ballast_retention;
grant select (tenant_id, source_entity_id, edge_type, target_entity_id) on lineage_edge to ballast_retention;

-- An operation that is not finished is owed to its caller, whatever its age.
create function refuse_early_purge() returns trigger
  language plpgsql
as $$
begin
  if old.finished_at is null then
    raise exception 'operation % is not finished', old.operation_id
      using errcode = 'check_violation', constraint = 'async_operation_owed', table = 'async_operation';
  end if;
  return old;
end
$$;
create trigger async_operation_owed before delete on async_operation
  for each row execute function refuse_early_purge();

-- The retention job: the keys of analyses, which made several runs and so point to none
create index idempotency_record_of_analyses on idempotency_record (created_at)
  where scope in ('rebalance.analyze', 'rebalance.analyze.async');
