import type { Tx } from "../../platform/database/transaction.ts";
import { sql, type SqlFragment } from "../../platform/database/values.ts";
import type { DpmRunIdempotencyHistoryItem, DpmRunListItemResponse } from "./schemas.ts";

/** A run as it is looked up, its result as the stored bytes. */
export type StoredRun = {
  readonly rebalance_run_id: string;
  readonly correlation_id: string;
  readonly request_hash: string;
  readonly idempotency_key: string | null;
  readonly portfolio_id: string;
  readonly status: string;
  readonly engine_version: string;
  readonly input_hash: string;
  readonly result_hash: string;
  readonly created_at: string;
  readonly input_text: string;
  readonly result_text: string;
  /** Null where it is not stored, or was not asked for. */
  readonly artifact_text: string | null;
};

/** The ways to name one run. Several runs may share a correlation id or a request hash: the latest is meant. */
export type RunKey =
  | { readonly by: "id"; readonly value: string }
  | { readonly by: "correlation_id"; readonly value: string }
  | { readonly by: "request_hash"; readonly value: string }
  | { readonly by: "idempotency_key"; readonly value: string };

export async function findRun(
  tx: Tx,
  tenantId: string,
  key: RunKey,
  withArtifact = false,
): Promise<StoredRun | undefined> {
  const [run] = await tx<StoredRun>`
    select r.rebalance_run_id, r.correlation_id, r.request_hash, r.idempotency_key, r.portfolio_id, r.status,
           r.engine_version, r.input_hash, r.result_hash, r.created_at, p.input_text, p.result_text,
           ${artifactColumn(withArtifact)}
      from rebalance_run r
      join run_payload p
        on p.tenant_id = r.tenant_id
       and p.rebalance_run_id = r.rebalance_run_id
     where r.tenant_id = ${tenantId}
       and ${runCondition(tenantId, key)}
     order by r.created_at desc, r.rebalance_run_id desc
     limit 1`;
  return run;
}

/** The artifact of `run_payload p`; it is as large as all the rest, so only who shows it reads it. */
export function artifactColumn(withArtifact: boolean): SqlFragment {
  return withArtifact ? sql`p.artifact_text` : sql`null as artifact_text`;
}

/** Which rows of `rebalance_run r` a key names. */
export function runCondition(tenantId: string, key: RunKey): SqlFragment {
  switch (key.by) {
    case "id":
      return sql`r.rebalance_run_id = ${key.value}`;
    case "correlation_id":
      return sql`r.correlation_id = ${key.value}`;
    case "request_hash":
      return sql`r.request_hash = ${key.value}`;
    case "idempotency_key":
      return sql`r.rebalance_run_id = (
        select i.rebalance_run_id
          from idempotency_record i
         where i.tenant_id = ${tenantId}
           and i.scope = 'rebalance.simulate'
           and i.idempotency_key = ${key.value})`;
  }
}

/** A place in a list: the last row that was shown. */
export type Position = { readonly createdAt: string; readonly id: string };

export type RunFilters = {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly status: string | undefined;
  readonly requestHash: string | undefined;
  readonly portfolioId: string | undefined;
};

/** Newest first; `limit` rows after `after`. The cost of a page does not depend on its depth. */
export async function listRuns(
  tx: Tx,
  tenantId: string,
  filters: RunFilters,
  after: Position | undefined,
  limit: number,
): Promise<readonly DpmRunListItemResponse[]> {
  return tx<DpmRunListItemResponse>`
    select rebalance_run_id, correlation_id, request_hash, idempotency_key, portfolio_id, status, created_at
      from rebalance_run
     where tenant_id = ${tenantId}
           ${filters.status === undefined ? sql`` : sql`and status = ${filters.status}`}
           ${filters.requestHash === undefined ? sql`` : sql`and request_hash = ${filters.requestHash}`}
           ${filters.portfolioId === undefined ? sql`` : sql`and portfolio_id = ${filters.portfolioId}`}
           ${filters.from === undefined ? sql`` : sql`and created_at >= ${filters.from}`}
           ${filters.to === undefined ? sql`` : sql`and created_at <= ${filters.to}`}
           ${after === undefined ? sql`` : sql`and (created_at, rebalance_run_id) < (${after.createdAt}, ${after.id})`}
     order by created_at desc, rebalance_run_id desc
     limit ${limit}`;
}

export type KeyMapping = {
  readonly idempotency_key: string;
  readonly request_hash: string;
  readonly rebalance_run_id: string | null;
  readonly created_at: string;
};

/** The run that a key of simulate maps to. */
export async function findKeyMapping(tx: Tx, tenantId: string, key: string): Promise<KeyMapping | undefined> {
  const [mapping] = await tx<KeyMapping>`
    select i.idempotency_key, i.payload_hash as request_hash, r.rebalance_run_id, i.created_at
      from idempotency_record i
      left join rebalance_run r
        on r.tenant_id = i.tenant_id
       and r.rebalance_run_id = i.rebalance_run_id
     where i.tenant_id = ${tenantId}
       and i.scope = 'rebalance.simulate'
       and i.idempotency_key = ${key}`;
  return mapping;
}

/** Every run that a key led to, oldest first. */
export async function listKeyHistory(
  tx: Tx,
  tenantId: string,
  key: string,
): Promise<readonly DpmRunIdempotencyHistoryItem[]> {
  return tx<DpmRunIdempotencyHistoryItem>`
    select rebalance_run_id, correlation_id, request_hash, created_at
      from idempotency_history
     where tenant_id = ${tenantId}
       and idempotency_key = ${key}
     order by created_at, rebalance_run_id`;
}
