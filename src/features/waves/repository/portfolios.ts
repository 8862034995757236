import type { Tx } from "../../../platform/database/transaction.ts";
import type { SentPortfolio } from "../bodies.ts";

/**
 * Stores portfolios as they arrive, ahead of the transaction that makes items of all that were sent together. A line that
 * is there already is the same.
 */
export async function insertPortfolios(
  tx: Tx,
  tenantId: string,
  uploadId: string,
  firstLine: number,
  portfolios: readonly SentPortfolio[],
  sentAt: string,
): Promise<void> {
  await Promise.all(
    portfolios.map(
      (portfolio, index) => tx`
        insert into wave_portfolio
          (tenant_id, upload_id, line_no, item_key, portfolio_id, portfolio_text, portfolio_hash, faults_text, sent_at)
        values
          (${tenantId}, ${uploadId}, ${firstLine + index}, ${portfolio.item_key}, ${portfolio.portfolio_id},
           ${portfolio.portfolio_text}, ${portfolio.portfolio_hash}, ${portfolio.faults_text}, ${sentAt})
            on conflict on constraint wave_portfolio_pkey do nothing`,
    ),
  );
}

/** The line of the first portfolio whose key is an item's of the wave already, or an earlier line's. */
export async function findRepeatedKey(
  tx: Tx,
  tenantId: string,
  waveId: string,
  uploadId: string,
  itemsBefore: number,
): Promise<number | undefined> {
  const [row] = await tx<{ line_no: number }>`
    with sent as (
      select line_no, coalesce(item_key, '#' || (${itemsBefore}::int + line_no)) as item_key
        from wave_portfolio
       where tenant_id = ${tenantId}
         and upload_id = ${uploadId})
    select line_no
      from (select s.line_no, s.item_key, row_number() over (partition by s.item_key order by s.line_no) as nth
              from sent s) as numbered
     where nth > 1
        or exists (
          select from wave_item i
           where i.tenant_id = ${tenantId}
             and i.wave_id = ${waveId}
             and i.item_key = numbered.item_key)
     order by line_no
     limit 1`;
  return row?.line_no;
}

/** Makes an item of every portfolio that was sent together. One that brings no key gets its place in the wave as one. */
export async function insertItems(
  tx: Tx,
  tenantId: string,
  waveId: string,
  uploadId: string,
  itemsBefore: number,
): Promise<number> {
  const { count } = await tx`
    insert into wave_item (tenant_id, wave_id, item_key, position, upload_id, line_no, portfolio_id, claimable_at)
    select tenant_id, ${waveId}, coalesce(item_key, '#' || (${itemsBefore}::int + line_no)),
           ${itemsBefore}::int + line_no, upload_id, line_no, portfolio_id, now()
      from wave_portfolio
     where tenant_id = ${tenantId}
       and upload_id = ${uploadId}
     order by line_no`;
  return count;
}
