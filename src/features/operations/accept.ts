import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { always, once, type Answer, type OnceDeps, type OnceOutcome } from "../../platform/idempotency.ts";
import type { Ids } from "../../platform/ids.ts";
import type { OperationType } from "./core.ts";
import { executeNow, type ExecuteDeps } from "./execute.ts";
import { operationExists } from "./reads.ts";
import { insertOperation, type AcceptedOperation, type Due } from "./repository.ts";

/** WORKER: by a worker, at once. INLINE: before the acceptance is answered. ACCEPT_ONLY: when someone asks for it. */
export type ExecutionMode = "WORKER" | "INLINE" | "ACCEPT_ONLY";

export type AcceptDeps = {
  readonly once: OnceDeps;
  readonly ids: Ids;
  readonly mode: ExecutionMode;
  readonly execution: ExecuteDeps;
};

export type AcceptCaller = {
  readonly tenantId: string;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
};

/** A request that was found right and is to be done later. */
export type Submission = {
  readonly operationType: OperationType;
  readonly scope: string;
  /** Canonical JSON of the validated body: what is hashed, stored and read by the executor. */
  readonly requestText: string;
  readonly proposalId: string | null;
  readonly createdBy: string | null;
  readonly policyPackId: string | null;
  /** The bytes of the 202. */
  readonly acceptedText: (operation: AcceptedOperation) => string;
  /** Looks, in the accepting transaction, for what the operation is about; an answer refuses it. */
  readonly refuse: (tx: Tx) => Promise<Answer | undefined>;
};

/**
 * Accepts an operation, once for its key: operation, lineage and stored answer commit together, and from then on it is
 * done exactly once in effect, whatever crashes. A repetition gets the same bytes, whatever has become of it since.
 */
export async function accept(
  deps: AcceptDeps,
  caller: AcceptCaller,
  submission: Submission,
): Promise<OnceOutcome> {
  const { idempotencyKey: key, tenantId } = caller;
  const operation = prepare(deps, caller, submission);
  const answer = { status: 202, body: submission.acceptedText(operation) };
  const work = {
    prepare: () => undefined,
    write: (tx: Tx) => write202(deps, tx, tenantId, operation, answer, submission),
    landed: (tx: Tx) => operationExists(tx, tenantId, operation.operationId),
  };
  const outcome =
    key === null
      ? await always(deps.once, tenantId, work)
      : await once(
          deps.once,
          { tenantId, scope: submission.scope, key, payloadHash: contentHash(submission.requestText) },
          work,
        );
  if (deps.mode === "INLINE" && isNew(outcome)) await executeNow(deps.execution, tenantId, operation);
  return outcome;
}

function prepare(deps: AcceptDeps, caller: AcceptCaller, submission: Submission): AcceptedOperation {
  const { operationType, requestText, proposalId, createdBy, policyPackId } = submission;
  return {
    operationId: deps.ids(operationType === "ANALYZE_SCENARIOS" ? "dop_" : "pop_"),
    operationType,
    correlationId: caller.correlationId,
    idempotencyKey: caller.idempotencyKey,
    proposalId,
    createdBy,
    policyPackId,
    requestText,
    createdAt: deps.once.clock().toISOString(),
  };
}

async function write202(
  deps: AcceptDeps,
  tx: Tx,
  tenantId: string,
  operation: AcceptedOperation,
  answer: Answer,
  submission: Submission,
): Promise<{ answer: Answer; keep: boolean }> {
  const refusal = await submission.refuse(tx);
  if (refusal !== undefined) return { answer: refusal, keep: false };
  await insertOperation(tx, tenantId, operation, dueIn(deps));
  return { answer, keep: true };
}

/** An operation that is done inline is due all the same, later: for workers, should this process not live to do it. */
function dueIn({ mode, execution }: AcceptDeps): Due {
  if (mode === "ACCEPT_ONLY") return "by_hand";
  return { inMs: mode === "INLINE" ? execution.terms.leaseMs : 0 };
}

/** A refused acceptance has made no operation, and a replay made it earlier. */
function isNew(outcome: OnceOutcome): boolean {
  return outcome.kind === "answered" && !outcome.replayed && outcome.answer.status === 202;
}
