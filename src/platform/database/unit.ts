import type { Connection } from "./connection.ts";
import type { Database } from "./database.ts";
import { DatabaseError, plainError } from "./errors.ts";
import { createFence, type Fence } from "./fence.ts";
import { discardConnections } from "./pool.ts";

/** One transaction under way on one connection. */
export type Unit = {
  readonly connection: Connection;
  readonly fence: Fence;
  readonly release: () => void;
  /** Takes the limits off that it was under. */
  unlimit: () => void;
  /** COMMIT was handed to the driver: from here on a lost connection leaves the outcome unknown. */
  isCommitting: boolean;
  isOver: boolean;
  warnings: string[];
  /** Settles when every statement whose values go out in parts was answered. Those called after it wait for it. */
  sendingParts: Promise<void> | undefined;
};

/** How long a unit of work lasts. It is over as soon as its budget is used up or its signal is aborted. */
export type UnitLimits = { readonly budgetMs: () => number; readonly signal: AbortSignal | undefined };

/** A COMMIT that is under way when its time is up is waited for this much longer: its outcome is worth it. */
export const COMMIT_MARGIN_MS = 1_000;

/** The connection is this unit's until `release`. */
export function startUnit(
  database: Database,
  connection: Connection,
  release: () => void,
  limits: UnitLimits,
): Unit {
  const replyTimeoutMs = database.limits.statementTimeoutMs + database.limits.replyMarginMs;
  const fence = createFence(connection, replyTimeoutMs, () => {
    const reason = new Error(`no reply within ${String(replyTimeoutMs)} ms`);
    discardConnections(database.pool, reason);
    connection.destroy(reason);
  });
  const unit: Unit = {
    connection,
    fence,
    release,
    unlimit: () => undefined,
    isCommitting: false,
    isOver: false,
    warnings: [],
    sendingParts: undefined,
  };
  connection.onLost = (reason) => {
    shutFence(unit, "connection_lost", reason);
  };
  connection.onWarning = (message) => {
    unit.warnings.push(message);
  };
  limitUnit(unit, limits);
  if (connection.isLost) shutFence(unit, "connection_lost", new Error("it was lost before it was used"));
  return unit;
}

/** Ends the unit at its deadline or with its signal; one whose COMMIT is under way, after the margin. */
function limitUnit(unit: Unit, { budgetMs, signal }: UnitLimits): void {
  const giveUp = () => {
    const reason = new Error("the deadline of the unit of work passed");
    shutFence(unit, "deadline_exceeded", reason);
    unit.connection.destroy(reason);
  };
  const expire = () => {
    unit.unlimit();
    if (!unit.isCommitting) {
      giveUp();
      return;
    }
    const margin = setTimeout(giveUp, COMMIT_MARGIN_MS);
    unit.unlimit = () => clearTimeout(margin);
  };
  const timer = setTimeout(expire, budgetMs());
  signal?.addEventListener("abort", expire);
  unit.unlimit = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", expire);
  };
  if (signal?.aborted === true) expire();
}

function shutFence(unit: Unit, kind: "deadline_exceeded" | "connection_lost", reason: Error): void {
  const message = kind === "connection_lost" ? "the connection was lost" : "the deadline passed";
  if (unit.isCommitting) {
    unit.fence.shut(plainError("commit_outcome_unknown", `${message} while COMMIT was under way`, reason));
    return;
  }
  // Where the server said why it ended the session, that is the fault.
  unit.fence.shut(reason instanceof DatabaseError ? reason : plainError(kind, message, reason));
}

/** Ends the transaction, then releases the connection: its slot is free when the server is done with it. */
export async function endUnit(unit: Unit, end: () => Promise<void>): Promise<void> {
  if (unit.isOver) return;
  unit.isOver = true;
  try {
    const ended = end();
    unit.fence.end();
    await ended;
  } finally {
    unit.unlimit();
    unit.release();
  }
}
