import { pause, within } from "../../platform/time-limit.ts";
import { withDeadline, type Runtime } from "../../runtime.ts";
import { recordEvent } from "./append-event.ts";
import { DEPLOYMENT } from "./chain.ts";
import { startEntry } from "./core.ts";
import type { AuditEntry } from "./event.ts";
import type { StartDetails } from "./schemas.ts";

export type StartOptions = Pick<StartDetails, "program"> & {
  /** Names this process and its start. */
  readonly process: string;
  /** How long the start waits for its record. */
  readonly waitMs?: number;
};

/** The record of a start, which may still be under way. */
export type StartRecord = { readonly stop: () => Promise<void> };

const ATTEMPT_MS = 5_000;
const RETRY_MS = 5_000;

/**
 * Records that this process has started, with the variables in force. A start waits some seconds for that; where the
 * database does not take it, the process goes on, and records it as soon as it can.
 */
export async function recordStart(
  runtime: Runtime,
  { program, process, waitMs = ATTEMPT_MS }: StartOptions,
): Promise<StartRecord> {
  const { config, clock, newId, engineVersion: version } = runtime;
  const { effectiveVariables: variables } = config;
  const details = { program, version, started_at: clock().toISOString(), variables };
  const stopping = new AbortController();
  const entry = startEntry(details, process, newId("aev_"));
  const recording = recordUntilDone(runtime, entry, stopping.signal);
  await within({ ms: waitMs }, recording).catch(() => {
    runtime.log.warn("the start is not recorded in the audit yet");
  });
  return {
    stop: async () => {
      stopping.abort();
      await recording;
    },
  };
}

async function recordUntilDone(runtime: Runtime, entry: AuditEntry, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(ATTEMPT_MS)]);
    const { writes } = withDeadline(runtime, { endsAt: performance.now() + ATTEMPT_MS, signal });
    try {
      await recordEvent(writes, DEPLOYMENT, entry);
      return;
    } catch (error) {
      runtime.log.warn({ err: error }, "the start could not be recorded in the audit, it is tried again");
    }
    await pause(RETRY_MS, stop);
  }
}
