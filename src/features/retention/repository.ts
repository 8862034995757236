import type { Rows, Tx } from "../../platform/database/transaction.ts";

/**
 * The deletes of the retention job. Each runs as `ballast_retention`, across tenants, in one transaction per batch,
 * and returns how many of what it is about are gone; fewer than `limit` means that none is left.
 */
export type Deletion = (tx: Tx, before: string, limit: number) => Promise<number>;

/** Runs by tenant and id, as two columns of equal length. */
type OldRuns = { readonly tenantIds: readonly string[]; readonly runIds: readonly string[] };

type RunPart = (tx: Tx, runs: OldRuns) => Promise<Rows<Record<string, never>>>;

/**
 * Everything that belongs to a run, in the order in which it can go: what points to something before what it points
 * to, the run itself last. A table that refers to runs gets its line here.
 */
const RUN_PARTS: readonly RunPart[] = [
  (tx, runs) => tx`
    delete from lineage_edge e
     using unnest(${runs.tenantIds}::text[], ${runs.runIds}::text[]) as old (tenant_id, run_id)
     where e.tenant_id = old.tenant_id
       and e.target_entity_id = old.run_id`,
  (tx, runs) => tx`
    delete from idempotency_history h
     using unnest(${runs.tenantIds}::text[], ${runs.runIds}::text[]) as old (tenant_id, run_id)
     where h.tenant_id = old.tenant_id
       and h.rebalance_run_id = old.run_id`,
  (tx, runs) => tx`
    delete from idempotency_record i
     using unnest(${runs.tenantIds}::text[], ${runs.runIds}::text[]) as old (tenant_id, run_id)
     where i.tenant_id = old.tenant_id
       and i.rebalance_run_id = old.run_id`,
  (tx, runs) => tx`
    delete from run_decision d
     using unnest(${runs.tenantIds}::text[], ${runs.runIds}::text[]) as old (tenant_id, run_id)
     where d.tenant_id = old.tenant_id
       and d.rebalance_run_id = old.run_id`,
  (tx, runs) => tx`
    delete from run_payload p
     using unnest(${runs.tenantIds}::text[], ${runs.runIds}::text[]) as old (tenant_id, run_id)
     where p.tenant_id = old.tenant_id
       and p.rebalance_run_id = old.run_id`,
  (tx, runs) => tx`
    delete from rebalance_run r
     using unnest(${runs.tenantIds}::text[], ${runs.runIds}::text[]) as old (tenant_id, run_id)
     where r.tenant_id = old.tenant_id
       and r.rebalance_run_id = old.run_id`,
];

/** Runs made before `before`, with all that belongs to them. Their keys can be used again. */
export const deleteRuns: Deletion = async (tx, before, limit) => {
  const rows = await findRuns(tx, before, limit);
  if (rows.length === 0) return 0;
  const runs = {
    tenantIds: rows.map((row) => row.tenant_id),
    runIds: rows.map((row) => row.rebalance_run_id),
  };
  await Promise.all(RUN_PARTS.map((part) => part(tx, runs)));
  return rows.length;
};

/**
 * From tenant to tenant along the primary key, and in each along the index of the run list: the job needs no index of
 * its own on the table that is written most.
 */
function findRuns(tx: Tx, before: string, limit: number) {
  return tx<{ tenant_id: string; rebalance_run_id: string }>`
    with recursive tenant as (
      (select tenant_id from rebalance_run order by tenant_id limit 1)
      union all
      select (select r.tenant_id from rebalance_run r where r.tenant_id > t.tenant_id order by r.tenant_id limit 1)
        from tenant t
       where t.tenant_id is not null)
    select old.tenant_id, old.rebalance_run_id
      from tenant t
     cross join lateral (
       select r.tenant_id, r.rebalance_run_id
         from rebalance_run r
        where r.tenant_id = t.tenant_id
          and r.created_at < ${before}
        order by r.created_at, r.rebalance_run_id
        limit ${limit}) as old
     limit ${limit}`;
}

/** The keys of analyses made before `before`: they are stored as long as the runs that they made. */
export const deleteAnalysisKeys: Deletion = async (tx, before, limit) => {
  const { count } = await tx`
    delete from idempotency_record
     where (tenant_id, scope, idempotency_key) in (
       select tenant_id, scope, idempotency_key
         from idempotency_record
        where scope in ('rebalance.analyze', 'rebalance.analyze.async')
          and created_at < ${before}
        order by created_at
        limit ${limit})`;
  return count;
};

/** Operations that were finished before `before`. What they made stays, and so do their keys: no retry acts twice. */
export const deleteOperations: Deletion = async (tx, before, limit) => {
  const rows = await tx<{ tenant_id: string; operation_id: string }>`
    delete from async_operation
     where (tenant_id, operation_id) in (
       select tenant_id, operation_id
         from async_operation
        where finished_at < ${before}
        order by finished_at
        limit ${limit})
    returning tenant_id, operation_id`;
  const tenantIds = rows.map((row) => row.tenant_id);
  const operationIds = rows.map((row) => row.operation_id);
  await tx`
    delete from lineage_edge e
     using unnest(${tenantIds}::text[], ${operationIds}::text[]) as old (tenant_id, operation_id)
     where e.tenant_id = old.tenant_id
       and e.source_entity_id = old.operation_id
       and e.edge_type = 'OPERATION_TO_CORRELATION'`;
  return rows.length;
};

/** Stored refusals that have expired by `before`. */
export const deleteRefusals: Deletion = async (tx, before, limit) => {
  const { count } = await tx`
    delete from idempotency_record
     where (tenant_id, scope, idempotency_key) in (
       select tenant_id, scope, idempotency_key
         from idempotency_record
        where expires_at < ${before}
        order by expires_at
        limit ${limit})`;
  return count;
};
