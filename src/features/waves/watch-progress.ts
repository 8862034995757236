import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import type { Deadline } from "../../platform/deadline.ts";
import { serverSentEvent, STILL_THERE } from "../../platform/http/event-stream.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { pause } from "../../platform/time-limit.ts";
import type { Runtime } from "../../runtime.ts";
import { endedOf } from "./core/states.ts";
import { summaryOf } from "./core/wave.ts";
import { countRunning } from "./repository/items.ts";
import { findWave, type WaveRow } from "./repository/waves.ts";

/** How far a wave is. `id` is another whenever something of it is. */
export type Progress = { readonly wave: WaveRow; readonly running: number; readonly id: string };

export async function readProgress(
  database: Database,
  tenantId: string,
  waveId: string,
): Promise<Progress | undefined> {
  const context = { tenantId, readOnly: true };
  const [wave, running] = await inTransaction(database, context, (tx) =>
    Promise.all([findWave(tx, tenantId, waveId), countRunning(tx, tenantId, waveId)]),
  );
  if (wave === undefined) return undefined;
  return { wave, running, id: `${wave.last_event_no}-${endedOf(wave)}-${running}` };
}

/** The id of the event after which nothing comes. */
export function endId({ id }: Progress): string {
  return `${id}-end`;
}

const PAUSE_MS = 500;
const STILL_THERE_MS = 15_000;
/** A stream ends ahead of the deadline of its request: its reader comes back and goes on from its last event. */
const ENDS_EARLIER_MS = 2_000;

export type WatchDeps = Pick<Runtime, "database" | "clock">;

export type Watch = {
  readonly tenantId: string;
  readonly waveId: string;
  /** What the reader saw last, if it comes back. */
  readonly lastEventId: string | null;
  readonly deadline: Deadline;
  /** Aborted when the service stops. */
  readonly closing: AbortSignal;
};

/** The progress of a wave, whenever it has changed, and its end. `first` is where it is now. */
export async function* watchProgress(
  { database, clock }: WatchDeps,
  { tenantId, waveId, lastEventId, deadline, closing }: Watch,
  first: Progress,
): AsyncGenerator<string> {
  const ends = AbortSignal.any([deadline.signal, closing]);
  let seen = lastEventId;
  let saidAt = performance.now();
  for (let progress: Progress | undefined = first; progress !== undefined;) {
    const data = canonicalJson(summaryOf(progress.wave, progress.running, clock().toISOString()));
    if (progress.id !== seen) {
      yield serverSentEvent({ id: progress.id, event: "progress", data });
      seen = progress.id;
      saidAt = performance.now();
    }
    if (progress.wave.settled_at !== null) {
      yield serverSentEvent({ id: endId(progress), event: "end", data });
      return;
    }
    await pause(PAUSE_MS, ends);
    if (ends.aborted || performance.now() > deadline.endsAt - ENDS_EARLIER_MS) return;
    if (performance.now() - saidAt > STILL_THERE_MS) {
      yield STILL_THERE;
      saidAt = performance.now();
    }
    progress = await readProgress(database, tenantId, waveId);
  }
}
