import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { subjectOf, type RequestContext } from "../../platform/http/context.ts";
import { writeProblems } from "../../platform/http/idempotent-reply.ts";
import { problemText, type ProblemDetails } from "../../platform/http/problem.ts";
import { ANSWER_IN_RECORD, type IdempotencyScope } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { Runtime } from "../../runtime.ts";
import { cancellationOf, expiryCutoff, isRetryable } from "./core.ts";
import {
  actionExists,
  cancelAtOnce,
  insertAction,
  lockForAction,
  putBackFailed,
  requestCancel,
  type ActionableRow,
  type OperationAction,
} from "./repository/actions.ts";
import { findOperation, type StoredOperation } from "./repository/operations.ts";
import type { OperationType } from "./schemas.ts";

/** One kind of change to the operations of one side: its names in the contract. */
export type OperationChange = {
  readonly action: OperationAction["action"];
  readonly scope: IdempotencyScope;
  readonly types: readonly OperationType[];
  readonly notFound: ProblemDetails;
  readonly refused: ProblemDetails;
};

type Names = { readonly scope: string; readonly code: "DPM" | "PROPOSAL" };

/** What one side calls the two changes of its operations. */
export function operationChanges(
  { scope, code }: Names,
  types: readonly OperationType[],
): Readonly<Record<"retry" | "cancel", OperationChange>> {
  const inconsistent = `${code}_IDEMPOTENCY_STORE_INCONSISTENT` as const;
  const named = (
    action: OperationChange["action"],
    verb: string,
    refusal: "NOT_RETRYABLE" | "NOT_CANCELLABLE",
  ): OperationChange => ({
    action,
    scope: { name: `${scope}.${verb}`, inconsistent, storedAnswer: ANSWER_IN_RECORD },
    types,
    notFound: { status: 404, detail: `${code}_ASYNC_OPERATION_NOT_FOUND` },
    refused: { status: 409, detail: `${code}_ASYNC_OPERATION_${refusal}` },
  });
  return {
    retry: named("RETRY", "retry", "NOT_RETRYABLE"),
    cancel: named("CANCEL", "cancel", "NOT_CANCELLABLE"),
  };
}

/** What a route that makes this change may answer with, beside the change. */
export function changeProblems({ scope, notFound, refused }: OperationChange): readonly ProblemDetails[] {
  return [...writeProblems(scope), notFound, refused];
}

export type ChangeDeps = Pick<Runtime, "config" | "writes" | "newId">;

export type ChangeRequest = {
  readonly change: OperationChange;
  readonly operationId: string;
  readonly statusText: (operation: StoredOperation) => Text;
};

/**
 * Retries or cancels an operation, once for its key, and answers with its status. The lock of its row orders this with
 * the end of an attempt and with other requests: of two that cannot both be, the second is refused.
 */
export async function changeOperation(
  deps: ChangeDeps,
  context: RequestContext,
  request: ChangeRequest,
): Promise<WriteOutcome<OperationAction>> {
  const { tenantId, idempotencyKey: key } = context;
  const { change, operationId } = request;
  const { scope } = change;
  const recordScope = `${scope.name} ${operationId}`;
  const payloadHash = contentHash(canonicalJson({ operation_id: operationId }));
  return write<OperationAction, OperationAction>(deps.writes, {
    tenantId,
    key: key === null ? null : { tenantId, scope, recordScope, key, payloadHash },
    prepare: () => ({
      operation_id: operationId,
      action_id: deps.newId("oac_"),
      action: change.action,
      correlation_id: context.correlationId,
      authenticated_subject: subjectOf(context),
      created_at: deps.writes.clock().toISOString(),
    }),
    write: (tx, action) => writeChange(deps, tx, context, request, action),
    wasCommitted: (tx, action) => actionExists(tx, tenantId, action),
    aggregate: `operation ${operationId}`,
  });
}

async function writeChange(
  { config }: ChangeDeps,
  tx: Tx,
  context: RequestContext,
  { change, operationId, statusText }: ChangeRequest,
  action: OperationAction,
): Promise<Written<OperationAction>> {
  const { tenantId } = context;
  const { types } = change;
  const cutoff = expiryCutoff(new Date(action.created_at), config.rebalance.operations.ttlSeconds);
  const row = await lockForAction(tx, tenantId, operationId, types, cutoff);
  const refusal = row === undefined ? change.notFound : await apply(tx, tenantId, row, action, change);
  if (refusal !== undefined) {
    const answer = { status: refusal.status, body: problemText(context, refusal) };
    return { answer, made: null, record: row === undefined ? null : {} };
  }
  await insertAction(tx, tenantId, action);
  const changed = await findOperation(
    tx,
    tenantId,
    { by: "operation_id", value: operationId },
    types,
    cutoff,
  );
  if (changed === undefined) throw new Error(`${operationId} is gone under its own lock`);
  const body = statusText(changed);
  if (typeof body !== "string") throw new Error(`${operationId} was changed and has a result`);
  const answer = { status: 200, body };
  return { answer, made: action, record: { isShortLived: true } };
}

/** Undefined: it is done. */
async function apply(
  tx: Tx,
  tenantId: string,
  row: ActionableRow,
  { action, operation_id, created_at }: OperationAction,
  { refused }: OperationChange,
): Promise<ProblemDetails | undefined> {
  if (action === "RETRY") {
    if (!isRetryable(row.status)) return refused;
    await putBackFailed(tx, tenantId, operation_id);
    return undefined;
  }
  switch (cancellationOf(row)) {
    case "refused":
      return refused;
    case "at_once":
      await cancelAtOnce(tx, tenantId, operation_id, created_at);
      return undefined;
    case "by_worker":
      await requestCancel(tx, tenantId, operation_id);
      return undefined;
  }
}
