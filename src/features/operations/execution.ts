import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { databaseFault } from "../../platform/database/errors.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import {
  isBeyondLastAttempt,
  pauseAfter,
  renewalPauseMs,
  standingOf,
  WORKER_LOST,
  type Failure,
  type OperationType,
} from "./core.ts";
import {
  giveBack,
  lockOperation,
  markFailed,
  markSucceeded,
  putBack,
  readRequest,
  renewLease,
  type Claim,
  type LeaseRow,
  type LeaseTerms,
  type OperationRequest,
} from "./repository.ts";

/** What an operation comes to. `refused` is the request's fault: no other attempt would end differently. */
export type Outcome =
  | {
      readonly kind: "succeeded";
      readonly resultText: string;
      readonly proposalId: string | null;
      /** Called once what was written is committed. */
      readonly onCommitted?: () => void;
    }
  | { readonly kind: "refused"; readonly failure: Failure };

/** Writes what the operation makes, in the transaction that also finishes it. A refusal must have written nothing. */
export type WriteOutcome = (tx: Tx) => Promise<Outcome>;

/** What an executor is given: the request as it was accepted. */
export type Operation = Claim & { readonly request: OperationRequest };

/**
 * Does the computing of one type of operation, outside any transaction, and returns what is to be written. Whatever it
 * throws counts as a failure of the infrastructure, and the operation gets another attempt.
 */
export type Executor = (operation: Operation) => Promise<WriteOutcome>;
export type Executors = Readonly<Record<OperationType, Executor>>;

/** How an attempt ended. `unsettled`: the database could not be told, the lease runs out by itself. */
export type AttemptEnd = "succeeded" | "failed" | "put_back" | "lease_lost" | "unsettled";

/** Called at the moments that are worth counting or logging. */
export type OperationHooks = {
  readonly onClaim: (claim: Claim) => void;
  readonly onAttemptEnd: (claim: Claim, end: AttemptEnd, error?: unknown) => void;
  /** A renewal or a return of the lease failed: the lease then runs out by itself. */
  readonly onLeaseError: (claim: Claim, error: unknown) => void;
};

export type ExecutionDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  readonly terms: LeaseTerms;
  readonly executors: Executors;
  readonly hooks: OperationHooks;
};

/** Rounds of an ending; more than two means that the database keeps losing COMMITs. */
const MOST_ROUNDS = 4;

/**
 * One attempt, from the claim to its end. The lease is renewed while it lasts. Never throws: an error that was not
 * recorded with the operation is handed to the hook, and the end of the lease gives the operation to another.
 */
export async function attempt(deps: ExecutionDeps, claim: Claim): Promise<AttemptEnd> {
  deps.hooks.onClaim(claim);
  const renewal = keepRenewing(deps, claim);
  try {
    const end = isBeyondLastAttempt(claim.lease)
      ? await endAbandoned(deps, claim)
      : await tryOnce(deps, claim);
    deps.hooks.onAttemptEnd(claim, end);
    return end;
  } catch (error) {
    const end = await recordFailedAttempt(deps, claim, error).catch((): AttemptEnd => "unsettled");
    deps.hooks.onAttemptEnd(claim, end, error);
    return end;
  } finally {
    clearInterval(renewal);
  }
}

async function tryOnce(deps: ExecutionDeps, claim: Claim): Promise<AttemptEnd> {
  const { tenantId } = claim;
  const request = await inTransaction(deps.database, { tenantId, readOnly: true }, (tx) =>
    readRequest(tx, claim),
  );
  if (request === undefined) return "lease_lost";
  const write = await deps.executors[claim.operationType]({ ...claim, request });
  let onCommitted: (() => void) | undefined;
  const end = await endHeld(deps, claim, async (tx) => {
    const outcome = await write(tx);
    const finishedAt = deps.clock().toISOString();
    if (outcome.kind === "refused") {
      await markFailed(tx, claim, outcome.failure, finishedAt);
      return "failed";
    }
    ({ onCommitted } = outcome);
    await markSucceeded(tx, claim, outcome, finishedAt);
    return "succeeded";
  });
  if (end === "succeeded") onCommitted?.();
  return end;
}

/** Every attempt took its worker with it: there is nobody left to say how it failed. */
function endAbandoned(deps: ExecutionDeps, claim: Claim): Promise<AttemptEnd> {
  return endHeld(deps, claim, async (tx) => {
    await markFailed(tx, claim, WORKER_LOST, deps.clock().toISOString());
    return "failed";
  });
}

function recordFailedAttempt(deps: ExecutionDeps, claim: Claim, error: unknown): Promise<AttemptEnd> {
  const failure = failureOf(error);
  const pauseMs = pauseAfter(claim.lease.attempt, deps.random());
  return endHeld(deps, claim, async (tx) => {
    if (pauseMs === null) await markFailed(tx, claim, failure, deps.clock().toISOString());
    else await putBack(tx, claim, failure, pauseMs);
    return pauseMs === null ? "failed" : "put_back";
  });
}

/** Hands an operation that is not going to be finished in time to other workers, at once. */
export async function release(deps: ExecutionDeps, claim: Claim): Promise<void> {
  await endHeld(deps, claim, async (tx) => {
    await giveBack(tx, claim);
    return "put_back";
  });
}

/**
 * Writes the end of an attempt, in one transaction with everything that it made, if the lease is still this attempt's.
 * The row stays locked from that look until COMMIT: nobody can take the operation over in between. Where the
 * connection dies while COMMIT is under way, the next round waits for that lock and sees which way it went. Where a
 * unique key was taken by another request meanwhile, the next round sees what that one made.
 */
async function endHeld(
  deps: ExecutionDeps,
  claim: Claim,
  write: (tx: Tx) => Promise<AttemptEnd>,
): Promise<AttemptEnd> {
  for (let round = 1; ; round += 1) {
    try {
      return await inTransaction(deps.database, { tenantId: claim.tenantId }, async (tx) => {
        const row = await lockOperation(tx, claim);
        const standing = row === undefined ? "lost" : standingOf(row, claim.lease);
        if (row === undefined || standing === "lost") return "lease_lost";
        return standing === "settled" ? endOf(row) : await write(tx);
      });
    } catch (error) {
      const kind = databaseFault(error)?.kind;
      const isWorthAnother = kind === "commit_outcome_unknown" || kind === "unique_violation";
      if (!isWorthAnother || round === MOST_ROUNDS) throw error;
    }
  }
}

function endOf(row: LeaseRow): AttemptEnd {
  return row.status === "SUCCEEDED" ? "succeeded" : "failed";
}

/** A renewal that fails is made up for by the next; one that finds the lease gone changes nothing, nor will the end. */
function keepRenewing(deps: ExecutionDeps, claim: Claim): NodeJS.Timeout {
  const { leaseMs } = deps.terms;
  const pauseMs = renewalPauseMs(leaseMs);
  const context = { tenantId: claim.tenantId, deadlineMs: pauseMs };
  return setInterval(() => {
    inTransaction(deps.database, context, (tx) => renewLease(tx, claim, leaseMs)).catch((error: unknown) => {
      deps.hooks.onLeaseError(claim, error);
    });
  }, pauseMs);
}

/** What a caller may know of a failure that was not the request's: no internals. */
function failureOf(error: unknown): Failure {
  return databaseFault(error) === undefined
    ? { code: "INTERNAL_ERROR", message: "an unforeseen error ended the attempt" }
    : { code: "DATABASE_UNAVAILABLE", message: "the database could not take the result" };
}
