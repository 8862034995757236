import { notBefore } from "../../platform/clock.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { subjectOf, type Authenticated } from "../../platform/http/context.ts";
import type { Answer, IdempotencyScope } from "../../platform/idempotency/repository.ts";
import { write, type WriteDeps, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import type { Ids } from "../../platform/ids.ts";
import { executeNow, type ExecuteDeps } from "./execute-operation.ts";
import {
  insertOperation,
  operationExists,
  type AcceptedOperation,
  type Due,
} from "./repository/operations.ts";

/** WORKER: by a worker, at once. INLINE: before the acceptance is answered. ACCEPT_ONLY: when someone asks for it. */
export type ExecutionMode = "WORKER" | "INLINE" | "ACCEPT_ONLY";

export type AcceptDeps = {
  readonly writes: WriteDeps;
  readonly newId: Ids;
  readonly mode: ExecutionMode;
  readonly execution: Pick<ExecuteDeps, "clock" | "terms" | "attempts">;
};

export type AcceptCaller = Authenticated & {
  readonly tenantId: string;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
};

/** A request that was found right and is to be done later. */
export type Submission = Pick<
  AcceptedOperation,
  "operation_type" | "proposal_id" | "created_by" | "policy_pack_id" | "request_text"
> & {
  readonly scope: IdempotencyScope;
  /** The name of the scope, with the id of the aggregate where a key is good for that alone. */
  readonly recordScope: string;
  /** Of `request_text`. */
  readonly request_hash: string;
  /** The bytes of the 202. */
  readonly acceptedText: (operation: AcceptedOperation) => string;
  /** Looks, in the accepting transaction, for what the operation is about; an answer refuses it. */
  readonly refuse?: (tx: Tx) => Promise<Answer | undefined>;
  /** The submitter has looked for a stored answer itself, a moment ago, and found none. */
  readonly isLookedUp?: boolean;
  /** A moment that the operation is not before: what it was judged by came into force then. */
  readonly notBefore?: string | undefined;
};

/**
 * Accepts an operation, once for its key: operation, lineage and stored answer commit together, and from then on it is
 * done exactly once in effect, whatever crashes. A repetition gets the same bytes, whatever has become of it since.
 */
export async function acceptOperation(
  deps: AcceptDeps,
  caller: AcceptCaller,
  submission: Submission,
): Promise<WriteOutcome<AcceptedOperation>> {
  const { tenantId, idempotencyKey: key } = caller;
  const { scope, recordScope, request_hash: payloadHash } = submission;
  const outcome = await write<AcceptedOperation, AcceptedOperation>(deps.writes, {
    tenantId,
    key: key === null ? null : { tenantId, scope, recordScope, key, payloadHash },
    isLookedUp: submission.isLookedUp === true,
    prepare: () => newOperation(deps, caller, submission),
    write: (tx, operation) => writeAcceptance(deps, tx, tenantId, operation, submission),
    wasCommitted: (tx, { operation_id }) => operationExists(tx, tenantId, operation_id),
  });
  // A refused acceptance has made no operation, and a replay made it earlier.
  const made = outcome.kind === "answered" ? outcome.made : null;
  if (deps.mode === "INLINE" && made !== null) {
    await executeNow({ ...deps.execution, database: deps.writes.database }, tenantId, made);
  }
  return outcome;
}

function newOperation(deps: AcceptDeps, caller: AcceptCaller, submission: Submission): AcceptedOperation {
  const { operation_type, request_text, proposal_id, created_by, policy_pack_id } = submission;
  return {
    operation_id: deps.newId(operation_type === "ANALYZE_SCENARIOS" ? "dop_" : "pop_"),
    operation_type,
    correlation_id: caller.correlationId,
    idempotency_key: caller.idempotencyKey,
    proposal_id,
    created_by,
    policy_pack_id,
    authenticated_subject: subjectOf(caller),
    request_text,
    created_at: notBefore(submission.notBefore, deps.writes.clock()),
  };
}

async function writeAcceptance(
  deps: AcceptDeps,
  tx: Tx,
  tenantId: string,
  operation: AcceptedOperation,
  { acceptedText, refuse }: Submission,
): Promise<Written<AcceptedOperation>> {
  const refusal = await refuse?.(tx);
  if (refusal !== undefined) return { answer: refusal, made: null, record: null };
  await insertOperation(tx, tenantId, operation, dueIn(deps));
  return { answer: { status: 202, body: acceptedText(operation) }, made: operation, record: {} };
}

/** An operation that is done inline is due all the same, later: for workers, should this process not live to do it. */
function dueIn({ mode, execution }: AcceptDeps): Due {
  if (mode === "ACCEPT_ONLY") return "by_hand";
  return { inMs: mode === "INLINE" ? execution.terms.leaseMs : 0 };
}
