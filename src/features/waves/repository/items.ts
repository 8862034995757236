import { sql, type Tx } from "../../../platform/database/transaction.ts";
import { rowsToRead, type PageRequest } from "../../../platform/http/pagination.ts";
import type { WaveItemStatus } from "../schemas.ts";

/** Runners listen here. The payload says nothing: what there is to do, the tables say. */
export const WAVES_CHANNEL = "ballast_waves";

/** Heard once the transaction is committed. */
export async function wakeRunners(tx: Tx): Promise<void> {
  await tx`select pg_notify(${WAVES_CHANNEL}, '')`;
}

/** Cancels items that nobody has started, a bounded number of them; those that someone takes at this moment are not. */
export async function cancelPending(
  tx: Tx,
  tenantId: string,
  waveId: string,
  limit: number,
  finishedAt: string,
): Promise<number> {
  // A CTE, which runs once: a subquery might for each item.
  const { count } = await tx`
    with pending as materialized (
      select item_key
        from wave_item
       where tenant_id = ${tenantId}
         and wave_id = ${waveId}
         and status = 'PENDING'
       limit ${limit}
         for update skip locked)
    update wave_item i
       set status = 'CANCELLED',
           claimable_at = null,
           finished_at = ${finishedAt}
      from pending
     where i.tenant_id = ${tenantId}
       and i.wave_id = ${waveId}
       and i.item_key = pending.item_key`;
  return count;
}

/** Makes every failed item due at once, with all the time for failures before it again. */
export async function putBackFailed(tx: Tx, tenantId: string, waveId: string): Promise<number> {
  const { count } = await tx`
    update wave_item
       set status = 'PENDING',
           lease_owner = null,
           claimable_at = now(),
           failed_attempts = 0,
           failing_since = null,
           error_code = null,
           error_message = null,
           errors_text = null,
           started_at = null,
           finished_at = null
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}
       and status = 'FAILED'`;
  return count;
}

export async function countRunning(tx: Tx, tenantId: string, waveId: string): Promise<number> {
  const [row] = await tx<{ count: number }>`
    select count(*)::int as count
      from wave_item
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}
       and status = 'RUNNING'`;
  return row?.count ?? 0;
}

/** An item as it is shown. */
export type ItemRow = {
  readonly item_key: string;
  readonly portfolio_id: string | null;
  readonly status: WaveItemStatus;
  readonly rebalance_run_id: string | null;
  readonly run_status: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly errors_text: string | null;
  readonly attempt: number;
  readonly started_at: string | null;
  readonly finished_at: string | null;
};

export type ItemFilters = {
  readonly status?: WaveItemStatus | undefined;
  readonly run_status?: string | undefined;
  readonly item_key?: string | undefined;
};

/** In the order of their keys. The cost of a page does not depend on its depth. */
export async function listItems(
  tx: Tx,
  waveId: string,
  { status, run_status, item_key }: ItemFilters,
  page: PageRequest<string>,
): Promise<readonly ItemRow[]> {
  const { tenantId, after } = page;
  return tx<ItemRow>`
    select item_key, portfolio_id, status, rebalance_run_id, run_status, error_code, error_message, errors_text, attempt,
           started_at, finished_at
      from wave_item
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}
           ${status === undefined ? sql`` : sql`and status = ${status}`}
           ${run_status === undefined ? sql`` : sql`and run_status = ${run_status}`}
           ${item_key === undefined ? sql`` : sql`and item_key = ${item_key}`}
           ${after === undefined ? sql`` : sql`and item_key > ${after}`}
     order by item_key
     limit ${rowsToRead(page)}`;
}
