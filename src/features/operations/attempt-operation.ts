import { databaseFault } from "../../platform/database/errors.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { isBeyondTrying, leaseStateOf, pauseBeforeNext } from "../../platform/leases/lease.ts";
import { recordWhileHeld, settle } from "../../platform/leases/settle.ts";
import { WORKER_LOST, type OperationError } from "./core.ts";
import type { OperationHandlers } from "./handlers.ts";
import { startHeartbeat, type HeartbeatDeps } from "./heartbeat.ts";
import {
  cancelIfRequested,
  lockOperation,
  markFailed,
  markSucceeded,
  putBack,
  readRequest,
  release,
  type ClaimedOperation,
  type LeaseRow,
} from "./repository/leases.ts";

/** How an attempt ended. `unsettled`: the database could not be told, the lease runs out by itself. */
export type AttemptEnd = "succeeded" | "failed" | "cancelled" | "put_back" | "lease_lost" | "unsettled";

/** Called at the moments that are worth counting or logging. */
export type AttemptHooks = HeartbeatDeps["hooks"] & {
  readonly onClaim: (claimed: ClaimedOperation) => void;
  readonly onAttemptEnd: (claimed: ClaimedOperation, end: AttemptEnd, error?: unknown) => void;
};

export type AttemptDeps = HeartbeatDeps & {
  readonly random: () => number;
  /** How long failures that are not the request's are followed by another attempt, from the first of them on. */
  readonly retryForMs: number;
  readonly handlers: OperationHandlers;
  readonly hooks: AttemptHooks;
};

/**
 * One attempt, from the claim to its end. The lease is renewed while it lasts. Never throws: an error that was not
 * recorded with the operation is handed to the hook, and the end of the lease gives the operation to another.
 */
export async function attempt(deps: AttemptDeps, claimed: ClaimedOperation): Promise<AttemptEnd> {
  deps.hooks.onClaim(claimed);
  const heartbeat = startHeartbeat(deps, claimed);
  try {
    const end = await tryOnce(deps, claimed);
    deps.hooks.onAttemptEnd(claimed, end);
    return end;
  } catch (error) {
    const recorded = await recordWhileHeld(heartbeat, () => recordFailedAttempt(deps, claimed, error));
    const end = recorded ?? "unsettled";
    deps.hooks.onAttemptEnd(claimed, end, error);
    return end;
  } finally {
    heartbeat.stop();
  }
}

async function tryOnce(deps: AttemptDeps, claimed: ClaimedOperation): Promise<AttemptEnd> {
  const { tenant_id: tenantId } = claimed;
  const request = await inTransaction(deps.database, { tenantId, readOnly: true }, (tx) =>
    readRequest(tx, claimed),
  );
  if (request === undefined) return "lease_lost";
  // A cancelled one is ended as that, whatever else there would be to write.
  if (request.is_cancel_requested || isBeyondTrying(request)) return endUntried(deps, claimed);
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

/** One attempt after the other took its worker with it: there is nobody left to say how they failed. */
function endUntried(deps: AttemptDeps, claimed: ClaimedOperation): Promise<AttemptEnd> {
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
  return endHeld(deps, claimed, async (tx, row) => {
    const pauseMs = pauseBeforeNext(row, deps.retryForMs, deps.random());
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
 * The row stays locked from that look until COMMIT: nobody can take the operation over in between, or have it
 * cancelled. Where that was asked for before, the operation is cancelled and `write` is not called.
 */
function endHeld(
  deps: AttemptDeps,
  claimed: ClaimedOperation,
  write: (tx: Tx, row: LeaseRow) => Promise<AttemptEnd>,
): Promise<AttemptEnd> {
  return settle(() =>
    inTransaction(deps.database, { tenantId: claimed.tenant_id }, async (tx) => {
      const row = await lockOperation(tx, claimed);
      const state = row === undefined ? "lost" : leaseStateOf(row, claimed);
      if (row === undefined || state === "lost") return "lease_lost";
      if (state === "ended") return endOf(row);
      if (!row.is_cancel_requested) return await write(tx, row);
      await cancelIfRequested(tx, claimed, deps.clock().toISOString());
      return "cancelled";
    }),
  );
}

function endOf({ status }: LeaseRow): AttemptEnd {
  if (status === "CANCELLED") return "cancelled";
  return status === "SUCCEEDED" ? "succeeded" : "failed";
}

/** What a caller may know of a failure that was not the request's: no internals. */
function errorOf(error: unknown): OperationError {
  return databaseFault(error) === undefined
    ? { code: "INTERNAL_ERROR", message: "an unforeseen error ended the attempt" }
    : { code: "DATABASE_UNAVAILABLE", message: "the database could not take the result" };
}
