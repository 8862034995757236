import type { CurrentState } from "./core.ts";
import { leftBy, type EventRow } from "./event.ts";

/** Where a history leads, from its events alone. The portfolio is that of the version. */
export type ReplayedState = Omit<CurrentState, "portfolio_id">;

/** Replays events in the order of their numbers; undefined before the first. */
export function replay(events: readonly EventRow[]): ReplayedState | undefined {
  let state: ReplayedState | undefined;
  for (const event of events) {
    const versionNo =
      event.version_hash === null ? (state?.current_version_no ?? 0) : event.related_version_no;
    state = { ...leftBy(event), current_version_no: versionNo };
  }
  return state;
}
