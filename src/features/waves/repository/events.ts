import type { Tx } from "../../../platform/database/transaction.ts";
import type { WaveEventRow } from "../core/event.ts";

export async function insertEvent(tx: Tx, tenantId: string, event: WaveEventRow): Promise<void> {
  await tx`
    insert into wave_event
      (tenant_id, wave_id, event_no, event_id, event_type, from_state, to_state, actor_id, authenticated_subject,
       occurred_at, correlation_id, reason, counts_text, wave_hash, portfolios_hash, items_hash, hash_version,
       previous_hash, event_hash)
    values
      (${tenantId}, ${event.wave_id}, ${event.event_no}, ${event.event_id}, ${event.event_type}, ${event.from_state},
       ${event.to_state}, ${event.actor_id}, ${event.authenticated_subject}, ${event.occurred_at},
       ${event.correlation_id}, ${event.reason}, ${event.counts_text}, ${event.wave_hash}, ${event.portfolios_hash},
       ${event.items_hash}, ${event.hash_version}, ${event.previous_hash}, ${event.event_hash})`;
}

/** Events of a wave in their order, `limit` of them after one. */
export async function listEvents(
  tx: Tx,
  tenantId: string,
  waveId: string,
  afterNo: number,
  limit: number,
): Promise<readonly WaveEventRow[]> {
  return tx<WaveEventRow>`
    select wave_id, event_no, event_id, event_type, from_state, to_state, actor_id, authenticated_subject, occurred_at,
           correlation_id, reason, counts_text, wave_hash, portfolios_hash, items_hash, hash_version, previous_hash,
           event_hash
      from wave_event
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}
       and event_no > ${afterNo}
     order by event_no
     limit ${limit}`;
}

/**
 * The hash over every item in the order of the keys: key, run and result hash, with a tab between and a line feed behind
 * them. A key has neither.
 */
export async function hashOfItems(tx: Tx, tenantId: string, waveId: string): Promise<string> {
  const [row] = await tx<{ items_hash: string }>`
    select 'sha256:' || encode(sha256(convert_to(coalesce(string_agg(
             item_key || E'\\t' || coalesce(rebalance_run_id, '') || E'\\t' || coalesce(result_hash, '') || E'\\n',
             '' order by item_key), ''), 'UTF8')), 'hex') as items_hash
      from wave_item
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}`;
  if (row === undefined) throw new Error("an aggregate has no row");
  return row.items_hash;
}
