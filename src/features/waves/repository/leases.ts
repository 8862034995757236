import { sql, type Tx } from "../../../platform/database/transaction.ts";
import type { Failures, Lease, LeaseTerms } from "../../../platform/leases/lease.ts";
import type { WaveItemStatus } from "../schemas.ts";
import { wakeRunners } from "./items.ts";

/** An item that a process has taken, under the lease of one attempt. */
export type ClaimedItem = Lease & {
  readonly tenant_id: string;
  readonly wave_id: string;
  readonly item_key: string;
  readonly lost_attempts: number;
};

/** Takes up to `limit` items that are due, of whichever waves: a function of the database does it. */
export async function claimItems(
  tx: Tx,
  terms: LeaseTerms,
  limit: number,
  startedAt: string,
): Promise<readonly ClaimedItem[]> {
  return tx<ClaimedItem>`
    select tenant_id, wave_id, item_key, lease_owner, attempt, lost_attempts
      from claim_wave_items(${terms.owner}, ${terms.leaseMs}::float8, ${limit}::int, ${startedAt}::timestamptz)`;
}

/** Items of one wave, by their keys. */
export type ItemsOfWave = {
  readonly tenantId: string;
  readonly waveId: string;
  readonly keys: readonly string[];
};

const these = ({ tenantId, waveId, keys }: ItemsOfWave) => sql`
  tenant_id = ${tenantId} and wave_id = ${waveId} and item_key = any(${keys})`;

/** What an item is calculated from. */
export type ItemWork = {
  readonly item_key: string;
  readonly portfolio_text: string;
  readonly faults_text: string | null;
};

export async function findItemWork(tx: Tx, items: ItemsOfWave): Promise<readonly ItemWork[]> {
  return tx<ItemWork>`
    select i.item_key, p.portfolio_text, p.faults_text
      from wave_item i
      join wave_portfolio p
        on p.tenant_id = i.tenant_id
       and p.upload_id = i.upload_id
       and p.line_no = i.line_no
     where i.tenant_id = ${items.tenantId}
       and i.wave_id = ${items.waveId}
       and i.item_key = any(${items.keys})`;
}

/** How many leases were renewed: those that are still held. */
export async function renewLeases(
  tx: Tx,
  items: ItemsOfWave,
  owner: string,
  leaseMs: number,
): Promise<number> {
  // Locked in the order in which the end of their batch locks them.
  const { count } = await tx`
    with held as materialized (
      select item_key
        from wave_item
       where ${these(items)}
         and status = 'RUNNING'
         and lease_owner = ${owner}
       order by item_key
         for update)
    update wave_item i
       set claimable_at = now() + ${leaseMs}::float8 * interval '1 millisecond'
      from held
     where i.tenant_id = ${items.tenantId}
       and i.wave_id = ${items.waveId}
       and i.item_key = held.item_key`;
  return count;
}

export type LeasedItem = Lease & Failures & { readonly item_key: string; readonly status: WaveItemStatus };

/** Holds items still until the transaction ends, and tells whose they are. In one order, whoever asks. */
export async function lockItems(tx: Tx, items: ItemsOfWave): Promise<readonly LeasedItem[]> {
  return tx<LeasedItem>`
    select item_key, status, coalesce(lease_owner, '') as lease_owner, attempt, failed_attempts,
           coalesce(extract(epoch from now() - failing_since), 0)::float8 * 1000 as failing_for_ms
      from wave_item
     where ${these(items)}
     order by item_key
       for update`;
}

/** Why an item failed; `errors_text`: what is wrong with its portfolio, as a JSON list. */
export type ItemError = {
  readonly code: string;
  readonly message: string;
  readonly errors_text: string | null;
};

/** The ends of attempts. Each is for leases that `lockItems` has shown to be held. */

export type SucceededItem = {
  readonly item_key: string;
  readonly rebalance_run_id: string;
  readonly run_status: string;
  readonly result_hash: string;
};

export async function markSucceeded(
  tx: Tx,
  tenantId: string,
  waveId: string,
  items: readonly SucceededItem[],
  finishedAt: string,
): Promise<void> {
  await tx`
    update wave_item i
       set status = 'SUCCEEDED',
           claimable_at = null,
           rebalance_run_id = made.rebalance_run_id,
           run_status = made.run_status,
           result_hash = made.result_hash,
           error_code = null,
           error_message = null,
           errors_text = null,
           finished_at = ${finishedAt}
      from unnest(${items.map(({ item_key }) => item_key)}::text[],
                  ${items.map(({ rebalance_run_id }) => rebalance_run_id)}::text[],
                  ${items.map(({ run_status }) => run_status)}::text[],
                  ${items.map(({ result_hash }) => result_hash)}::text[])
           as made (item_key, rebalance_run_id, run_status, result_hash)
     where i.tenant_id = ${tenantId}
       and i.wave_id = ${waveId}
       and i.item_key = made.item_key`;
}

export async function markFailed(
  tx: Tx,
  tenantId: string,
  waveId: string,
  itemKey: string,
  error: ItemError,
  finishedAt: string,
): Promise<void> {
  await tx`
    update wave_item
       set status = 'FAILED',
           claimable_at = null,
           error_code = ${error.code},
           error_message = ${error.message},
           errors_text = ${error.errors_text},
           finished_at = ${finishedAt}
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}
       and item_key = ${itemKey}`;
}

/** Another attempt follows, after a pause. */
export async function putBack(
  tx: Tx,
  tenantId: string,
  waveId: string,
  itemKey: string,
  error: ItemError,
  pauseMs: number,
): Promise<void> {
  await tx`
    update wave_item
       set status = 'PENDING',
           lease_owner = null,
           claimable_at = now() + ${pauseMs}::float8 * interval '1 millisecond',
           error_code = ${error.code},
           error_message = ${error.message},
           errors_text = ${error.errors_text},
           failed_attempts = failed_attempts + 1,
           failing_since = coalesce(failing_since, now()),
           started_at = null
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}
       and item_key = ${itemKey}`;
}

/** As if they had not been taken: no attempt is counted, and other processes may start at once. */
export async function release(tx: Tx, items: ItemsOfWave): Promise<void> {
  const rows = tx`
    update wave_item
       set status = 'PENDING',
           attempt = attempt - 1,
           lease_owner = null,
           claimable_at = now(),
           started_at = null
     where ${these(items)}`;
  await Promise.all([rows, wakeRunners(tx)]);
}
