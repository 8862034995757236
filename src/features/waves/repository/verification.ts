import { sql, type Tx } from "../../../platform/database/transaction.ts";

/** Whether what items share is what its hash says. */
export async function isSharedUnaltered(tx: Tx, tenantId: string, waveId: string): Promise<boolean> {
  const rows = await tx`
    select 1
      from wave
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}
       and shared_hash = ${sha256Of("shared_text")}`;
  return rows.length > 0;
}

function sha256Of(column: "shared_text" | "portfolio_text") {
  return column === "shared_text"
    ? sql`'sha256:' || encode(sha256(convert_to(shared_text, 'UTF8')), 'hex')`
    : sql`'sha256:' || encode(sha256(convert_to(p.portfolio_text, 'UTF8')), 'hex')`;
}

/** Portfolios that were added together, by the places of their items. */
export type Addition = {
  readonly upload_id: string;
  readonly first_position: number;
  readonly last_position: number;
  readonly count: number;
};

export async function listAdditions(tx: Tx, tenantId: string, waveId: string): Promise<readonly Addition[]> {
  return tx<Addition>`
    select upload_id, min(position) as first_position, max(position) as last_position, count(*)::int as count
      from wave_item
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}
     group by upload_id
     order by min(position)`;
}

/** The hash over the keys and contents of what was added together, and the first item whose content was altered. */
export type CheckedAddition = { readonly portfolios_hash: string; readonly altered_key: string | null };

export async function checkAddition(
  tx: Tx,
  tenantId: string,
  waveId: string,
  uploadId: string,
): Promise<CheckedAddition | undefined> {
  const [row] = await tx<CheckedAddition>`
    select 'sha256:' || encode(sha256(convert_to(string_agg(
             coalesce(p.item_key, '') || E'\\t' || p.portfolio_hash || E'\\n', '' order by p.line_no), 'UTF8')), 'hex')
             as portfolios_hash,
           min(i.item_key) filter (
             where p.portfolio_hash <> ${sha256Of("portfolio_text")}
                or p.item_key <> i.item_key
                or p.portfolio_id is distinct from i.portfolio_id) as altered_key
      from wave_item i
      join wave_portfolio p
        on p.tenant_id = i.tenant_id
       and p.upload_id = i.upload_id
       and p.line_no = i.line_no
     where i.tenant_id = ${tenantId}
       and i.wave_id = ${waveId}
       and i.upload_id = ${uploadId}`;
  return row;
}

/** How many items have come to which end, counted from the items themselves. */
export type CountedItems = {
  readonly item_count: number;
  readonly ready_count: number;
  readonly pending_review_count: number;
  readonly blocked_count: number;
  readonly failed_count: number;
  readonly cancelled_count: number;
};

export async function countItems(tx: Tx, tenantId: string, waveId: string): Promise<CountedItems> {
  const [row] = await tx<CountedItems>`
    select count(*)::int as item_count,
           count(*) filter (where run_status = 'READY')::int as ready_count,
           count(*) filter (where run_status = 'PENDING_REVIEW')::int as pending_review_count,
           count(*) filter (where run_status = 'BLOCKED')::int as blocked_count,
           count(*) filter (where status = 'FAILED')::int as failed_count,
           count(*) filter (where status = 'CANCELLED')::int as cancelled_count
      from wave_item
     where tenant_id = ${tenantId}
       and wave_id = ${waveId}`;
  if (row === undefined) throw new Error("an aggregate has no row");
  return row;
}

/** An item beside its run; `run_*` null where there is none. */
export type ItemWithRun = {
  readonly item_key: string;
  readonly rebalance_run_id: string;
  readonly is_run_there: boolean;
  readonly agrees: boolean;
};

/** Items that have a run, in the order of their keys, `limit` of them after one. */
export async function listItemsWithRuns(
  tx: Tx,
  tenantId: string,
  waveId: string,
  after: string,
  limit: number,
): Promise<readonly ItemWithRun[]> {
  return tx<ItemWithRun>`
    select i.item_key, i.rebalance_run_id, r.rebalance_run_id is not null as is_run_there,
           coalesce(r.result_hash = i.result_hash
                    and r.status = i.run_status
                    and r.correlation_id = w.correlation_id || ':' || i.item_key, false) as agrees
      from wave_item i
      join wave w
        on w.tenant_id = i.tenant_id
       and w.wave_id = i.wave_id
      left join rebalance_run r
        on r.tenant_id = i.tenant_id
       and r.rebalance_run_id = i.rebalance_run_id
     where i.tenant_id = ${tenantId}
       and i.wave_id = ${waveId}
       and i.status = 'SUCCEEDED'
       and i.item_key > ${after}
     order by i.item_key
     limit ${limit}`;
}
