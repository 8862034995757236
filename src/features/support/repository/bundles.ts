import type { Tx } from "../../../platform/database/transaction.ts";
import {
  isUnexpired,
  operationColumns,
  withResult,
  type OperationRow,
  type StoredOperation,
} from "../../operations/repository/operations.ts";
import { storedRunColumns, type StoredRun } from "../../runs/repository.ts";

/**
 * The run of an analysis: the latest that shares its correlation id, else the latest of those that it made. The ids of
 * its runs stand in its result, which was committed together with them.
 */
export async function findRunOfOperation(
  tx: Tx,
  tenantId: string,
  operationId: string,
  withArtifact = false,
): Promise<StoredRun | undefined> {
  const [run] = await tx<StoredRun>`
    with operation as (
      select correlation_id,
             array(select result ->> 'rebalance_run_id'
                     from json_each(result_text::json -> 'results') as scenario (name, result)) as run_ids
        from async_operation
       where tenant_id = ${tenantId}
         and operation_id = ${operationId}
         and operation_type = 'ANALYZE_SCENARIOS'),
    found as (
      (select r.rebalance_run_id, true as is_made
         from operation o
         join rebalance_run r
           on r.tenant_id = ${tenantId}
          and r.rebalance_run_id = any(o.run_ids)
        order by r.created_at desc, r.rebalance_run_id desc
        limit 1)
      union all
      (select r.rebalance_run_id, false
         from operation o
         join rebalance_run r
           on r.tenant_id = ${tenantId}
          and r.correlation_id = o.correlation_id
        order by r.created_at desc, r.rebalance_run_id desc
        limit 1))
    select ${storedRunColumns(withArtifact)}
      from found
      join rebalance_run r
        on r.tenant_id = ${tenantId}
       and r.rebalance_run_id = found.rebalance_run_id
      join run_payload p
        on p.tenant_id = r.tenant_id
       and p.rebalance_run_id = r.rebalance_run_id
     order by found.is_made
     limit 1`;
  return run;
}

/**
 * The operation of a run: the one that made it, else the latest that shares its correlation id, among those that have
 * not expired. A scenario's run has the correlation id of its operation with the name of the scenario behind it,
 * and its batch id is in the result. That correlation id is worked out first, hence `materialized`: row-level
 * security lets no function that could leak into a search by index.
 */
export async function findOperationOfRun(
  tx: Tx,
  tenantId: string,
  rebalanceRunId: string,
  expiryCutoff: string,
): Promise<StoredOperation | undefined> {
  const [operation] = await tx<OperationRow>`
    with run as materialized (
      select correlation_id, batch_run_id, regexp_replace(correlation_id, ':[^:]*$', '') as batch_correlation_id
        from rebalance_run
       where tenant_id = ${tenantId}
         and rebalance_run_id = ${rebalanceRunId})
    select ${operationColumns}
      from run
      join async_operation o
        on o.tenant_id = ${tenantId}
       and o.operation_type = 'ANALYZE_SCENARIOS'
       and o.correlation_id = any(array[run.correlation_id, run.batch_correlation_id])
     where (o.correlation_id = run.correlation_id or strpos(o.result_text, run.batch_run_id) > 0)
       and ${isUnexpired(expiryCutoff)}
     order by coalesce(strpos(o.result_text, run.batch_run_id) > 0, false) desc, o.created_at desc, o.operation_id desc
     limit 1`;
  return operation === undefined ? undefined : withResult(tx, tenantId, operation);
}
