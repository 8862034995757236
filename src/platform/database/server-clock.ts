import { performance } from "node:perf_hooks";
import { systemClock, type Clock } from "../clock.ts";

/**
 * The time of the database server, as this process knows it: the distance between the server's clock and the monotonic
 * clock of this process, which nobody can set. The wall clock of this machine has no part in it.
 */
export type ServerClock = {
  /** The server's time; the time of this machine as long as the server was never heard. */
  readonly now: Clock;
  /** The server read `serverMs` (since 1970) at some moment after `sentAt` and before `receivedAt`, on `performance.now()`. */
  readonly observe: (serverMs: number, sentAt: number, receivedAt: number) => void;
};

/** Between which values the distance lies, as of the monotonic moment `at`. */
type Bounds = { readonly least: number; readonly most: number; readonly at: number };

/** How far two clocks may part in a millisecond: twice what NTP corrects at most. */
const DRIFT = 0.001;

/**
 * Each observation bounds the distance, and all of them together bound it more tightly than any. One that contradicts
 * those before it shows that the server's clock was set, or that another server answers: it counts alone.
 */
export function createServerClock(monotonicMs = () => performance.now()): ServerClock {
  let bounds: Bounds | undefined;
  let latest = -Infinity;

  function observe(serverMs: number, sentAt: number, receivedAt: number): void {
    const heard = { least: serverMs - receivedAt, most: serverMs - sentAt, at: receivedAt };
    const drift = bounds === undefined ? 0 : DRIFT * Math.max(0, receivedAt - bounds.at);
    const least = Math.max(heard.least, (bounds?.least ?? -Infinity) - drift);
    const most = Math.min(heard.most, (bounds?.most ?? Infinity) + drift);
    if (least <= most) {
      bounds = { least, most, at: receivedAt };
    } else {
      bounds = heard;
      latest = -Infinity;
    }
  }

  /** Does not run backwards when the distance becomes better known. */
  function now(): Date {
    if (bounds === undefined) return systemClock();
    latest = Math.max(latest, monotonicMs() + (bounds.least + bounds.most) / 2);
    return new Date(Math.floor(latest));
  }

  return { now, observe };
}
