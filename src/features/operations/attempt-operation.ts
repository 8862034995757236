import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { databaseFault } from "../../platform/database/errors.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import {
  isBeyondLastAttempt,
  leaseStateOf,
  pauseAfter,
  renewalPauseMs,
  WORKER_LOST,
  type OperationError,
} from "./core.ts";
import type { OperationHandlers } from "./handlers.ts";
import {
  lockOperation,
  markFailed,
  markSucceeded,
  putBack,
  readRequest,
  release,
  renewLease,
  type ClaimedOperation,
  type LeaseRow,
  type LeaseTerms,
} from "./repository/leases.ts";

/** How an attempt ended. `unsettled`: the database could not be told, the lease runs out by itself. */
export type AttemptEnd = "succeeded" | "failed" | "put_back" | "lease_lost" | "unsettled";

/** Called at the moments that are worth counting or logging. */
export type AttemptHooks = {
  readonly onClaim: (claimed: ClaimedOperation) => void;
  readonly onAttemptEnd: (claimed: ClaimedOperation, end: AttemptEnd, error?: unknown) => void;
  /** A renewal or a return of the lease failed: the lease then runs out by itself. */
  readonly onLeaseError: (claimed: ClaimedOperation, error: unknown) => void;
};

export type AttemptDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  readonly terms: LeaseTerms;
  readonly handlers: OperationHandlers;
  readonly hooks: AttemptHooks;
};

/** Tries to record the end of an attempt; more than two mean that the database keeps losing COMMITs. */
const MOST_ROUNDS = 4;

/**
 * One attempt, from the claim to its end. The lease is renewed while it lasts. Never throws: an error that was not
 * recorded with the operation is handed to the hook, and the end of the lease gives the operation to another.
 */
export async function attempt(deps: AttemptDeps, claimed: ClaimedOperation): Promise<AttemptEnd> {
  deps.hooks.onClaim(claimed);
  const renewal = keepRenewing(deps, claimed);
  try {
    const end = isBeyondLastAttempt(claimed)
      ? await endAbandoned(deps, claimed)
      : await tryOnce(deps, claimed);
    deps.hooks.onAttemptEnd(claimed, end);
    return end;
  } catch (error) {
    const end = await recordFailedAttempt(deps, claimed, error).catch((): AttemptEnd => "unsettled");
    deps.hooks.onAttemptEnd(claimed, end, error);
    return end;
  } finally {
    clearInterval(renewal);
  }
}

async function tryOnce(deps: AttemptDeps, claimed: ClaimedOperation): Promise<AttemptEnd> {
  const { tenant_id: tenantId } = claimed;
  const request = await inTransaction(deps.database, { tenantId, readOnly: true }, (tx) =>
    readRequest(tx, claimed),
  );
  if (request === undefined) return "lease_lost";
  const { write, onCommitted } = await deps.handlers[claimed.operation_type]({ ...claimed, request });
  const end = await endHeld(deps, claimed, async (tx) => {
    const result = await write(tx);
    const finishedAt = deps.clock().toISOString();
    if (result.kind === "refused") {
      await markFailed(tx, claimed, result.error, finishedAt);
      return "failed";
    }
    await markSucceeded(tx, claimed, result, finishedAt);
    return "succeeded";
  });
  if (end === "succeeded") onCommitted?.();
  return end;
}

/** Every attempt took its worker with it: there is nobody left to say how it failed. */
function endAbandoned(deps: AttemptDeps, claimed: ClaimedOperation): Promise<AttemptEnd> {
  return endHeld(deps, claimed, async (tx) => {
    await markFailed(tx, claimed, WORKER_LOST, deps.clock().toISOString());
    return "failed";
  });
}

function recordFailedAttempt(
  deps: AttemptDeps,
  claimed: ClaimedOperation,
  error: unknown,
): Promise<AttemptEnd> {
  const shown = errorOf(error);
  const pauseMs = pauseAfter(claimed.attempt, deps.random());
  return endHeld(deps, claimed, async (tx) => {
    if (pauseMs === null) await markFailed(tx, claimed, shown, deps.clock().toISOString());
    else await putBack(tx, claimed, shown, pauseMs);
    return pauseMs === null ? "failed" : "put_back";
  });
}

/** Hands an operation that is not going to be finished in time to other workers, at once. */
export async function releaseOperation(deps: AttemptDeps, claimed: ClaimedOperation): Promise<void> {
  await endHeld(deps, claimed, async (tx) => {
    await release(tx, claimed);
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
  deps: AttemptDeps,
  claimed: ClaimedOperation,
  write: (tx: Tx) => Promise<AttemptEnd>,
): Promise<AttemptEnd> {
  for (let round = 1; ; round += 1) {
    try {
      return await inTransaction(deps.database, { tenantId: claimed.tenant_id }, async (tx) => {
        const row = await lockOperation(tx, claimed);
        const state = row === undefined ? "lost" : leaseStateOf(row, claimed);
        if (row === undefined || state === "lost") return "lease_lost";
        return state === "ended" ? endOf(row) : await write(tx);
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
function keepRenewing(deps: AttemptDeps, claimed: ClaimedOperation): NodeJS.Timeout {
  const { leaseMs } = deps.terms;
  const pauseMs = renewalPauseMs(leaseMs);
  const context = { tenantId: claimed.tenant_id, deadlineMs: pauseMs };
  return setInterval(() => {
    inTransaction(deps.database, context, (tx) => renewLease(tx, claimed, leaseMs)).catch(
      (error: unknown) => {
        deps.hooks.onLeaseError(claimed, error);
      },
    );
  }, pauseMs);
}

/** What a caller may know of a failure that was not the request's: no internals. */
function errorOf(error: unknown): OperationError {
  return databaseFault(error) === undefined
    ? { code: "INTERNAL_ERROR", message: "an unforeseen error ended the attempt" }
    : { code: "DATABASE_UNAVAILABLE", message: "the database could not take the result" };
}
