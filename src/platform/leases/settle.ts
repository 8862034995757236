import { setTimeout as delay } from "node:timers/promises";
import { databaseFault } from "../database/errors.ts";
import type { Heartbeat } from "./heartbeat.ts";

/** Tries to record the end of an attempt; more than two mean that the database keeps losing COMMITs. */
const MOST_ROUNDS = 4;

/**
 * Writes the end of an attempt. `write` is one transaction that locks what it ends and looks whose it is, so a round
 * after a COMMIT that was not answered waits for that lock and sees which way it went. Where a unique key was taken by
 * another meanwhile, the next round sees what that one made.
 */
export async function settle<T>(write: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round += 1) {
    try {
      return await write();
    } catch (error) {
      const kind = databaseFault(error)?.kind;
      const isWorthAnother = kind === "commit_outcome_unknown" || kind === "unique_violation";
      if (!isWorthAnother || round === MOST_ROUNDS) throw error;
    }
  }
}

const RECORD_PAUSE_MS = 500;

/**
 * Records that an attempt failed, as often as it takes while the lease is held: a worker that lives and only cannot
 * write must not pass for one that vanished. Undefined: the database could not be told.
 */
export async function recordWhileHeld<T>(
  heartbeat: Pick<Heartbeat, "mayHoldLease">,
  record: () => Promise<T>,
): Promise<T | undefined> {
  for (;;) {
    try {
      return await record();
    } catch (error) {
      if (!mayPass(error) || !heartbeat.mayHoldLease()) return undefined;
      await delay(RECORD_PAUSE_MS, undefined, { ref: false });
    }
  }
}

/** Not so what breaks a rule of the database, or never reached it: that would be repeated for ever. */
function mayPass(error: unknown): boolean {
  const kind = databaseFault(error)?.kind;
  return kind !== undefined && kind !== "constraint_violation" && kind !== "not_permitted";
}
