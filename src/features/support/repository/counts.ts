import type { Tx } from "../../../platform/database/transaction.ts";

/** What is counted, and by what: the labels of a subject add up to its count. */
export type CountedSubject = "RUN" | "OPERATION" | "DECISION_ACTION" | "DECISION_REASON" | "EDGE";

export type LabelCount = {
  readonly subject: CountedSubject;
  readonly label: string;
  readonly count: number;
};

/**
 * How much there is of everything, at the moment of the transaction's snapshot: the counts, and the changes of the last
 * seconds that are not rolled up into them yet. Subjects and labels of which there is nothing are left out.
 */
export async function readCounts(tx: Tx, tenantId: string): Promise<readonly LabelCount[]> {
  return tx<LabelCount>`
    select subject, label, sum(count)::float8 as count
      from (select subject, label, count
              from supportability_count
             where tenant_id = ${tenantId}
             union all
            select subject, label, change
              from supportability_change
             where tenant_id = ${tenantId}) as counted
     group by subject, label
    having sum(count) <> 0
     order by subject, label`;
}

/** Between which moments runs and operations were made; null where there is none. */
export type Extent = {
  readonly oldest_run_created_at: string | null;
  readonly newest_run_created_at: string | null;
  readonly oldest_operation_created_at: string | null;
  readonly newest_operation_created_at: string | null;
};

/** The first and the last entry of two indexes. */
export async function readExtent(tx: Tx, tenantId: string): Promise<Extent> {
  const [extent] = await tx<Extent>`
    select (select created_at from rebalance_run
             where tenant_id = ${tenantId}
             order by created_at limit 1) as oldest_run_created_at,
           (select created_at from rebalance_run
             where tenant_id = ${tenantId}
             order by created_at desc limit 1) as newest_run_created_at,
           (select created_at from async_operation
             where tenant_id = ${tenantId} and operation_type = 'ANALYZE_SCENARIOS'
             order by created_at limit 1) as oldest_operation_created_at,
           (select created_at from async_operation
             where tenant_id = ${tenantId} and operation_type = 'ANALYZE_SCENARIOS'
             order by created_at desc limit 1) as newest_operation_created_at`;
  if (extent === undefined) throw new Error("a select without a table returned no row");
  return extent;
}

/**
 * Adds up to `limit` changes, of whichever tenants, to the counts and deletes them. Returns how many there were; null
 * where another process is at it.
 */
export async function rollUpChanges(tx: Tx, limit: number): Promise<number | null> {
  const [row] = await tx<{ rolled_up: number | null }>`select roll_up_counts(${limit}) as rolled_up`;
  return row?.rolled_up ?? null;
}
