import type { Addition, CheckedAddition, CountedItems } from "../repository/verification.ts";
import type { WaveRow } from "../repository/waves.ts";
import type { WaveVerificationFailure } from "../schemas.ts";
import { hashOfEvent, hashOfFacts, type WaveEventRow } from "./event.ts";

type Failures = Generator<WaveVerificationFailure>;

/** Whether nothing of a wave is under way, or will be. */
export function isOver({ settled_at }: Pick<WaveRow, "settled_at">): boolean {
  return settled_at !== null;
}

/** The chain of events, and that the wave stands where it ends. `itemsHash`: recomputed, of a wave that is over. */
export function* faultsOfChain(
  wave: WaveRow,
  events: readonly WaveEventRow[],
  itemsHash: string | null,
): Failures {
  let previous: WaveEventRow | undefined;
  for (const event of events) {
    const reason = faultOfEvent(event, previous);
    if (reason !== undefined) yield { kind: "event", id: event.event_id, reason };
    previous = event;
  }
  const [first] = events;
  if (first?.wave_hash !== hashOfFacts(wave)) {
    yield {
      kind: "wave",
      id: wave.wave_id,
      reason: "its facts do not give the hash that its first event has",
    };
  }
  const stands = previous?.event_hash === wave.last_event_hash && previous.to_state === wave.state;
  if (!stands) {
    yield { kind: "wave", id: wave.wave_id, reason: "it does not stand where its last event left it" };
  }
  if (itemsHash !== (isOver(wave) ? (previous?.items_hash ?? null) : null)) {
    yield {
      kind: "items",
      id: wave.wave_id,
      reason: "they do not give the hash that the last event has over them",
    };
  }
}

function faultOfEvent(event: WaveEventRow, previous: WaveEventRow | undefined): string | undefined {
  const before = previous?.event_hash ?? null;
  if (event.event_no !== (previous?.event_no ?? 0) + 1) return "does not follow the event before it";
  if (event.previous_hash !== before) return "does not carry the hash of the event before it";
  if (event.from_state !== (previous?.to_state ?? null))
    return "does not begin where the event before it ended";
  const hash = hashOfEvent(event, before, event.hash_version);
  return event.event_hash === hash ? undefined : "its content does not give its hash";
}

/** What was added, against the events that say what was: in the same order, each with the same content. */
export function* faultsOfAdditions(
  events: readonly WaveEventRow[],
  additions: readonly (Addition & CheckedAddition)[],
): Failures {
  const left = additions.values();
  let next = 1;
  for (const event of events) {
    // Of nothing at all, a wave may be created.
    if (event.portfolios_hash === null || event.portfolios_hash === HASH_OF_NONE) continue;
    const { value: addition } = left.next();
    const reason =
      addition === undefined ? "its portfolios are missing" : faultOfAddition(event, addition, next);
    if (reason !== undefined) yield { kind: "event", id: event.event_id, reason };
    next = (addition?.last_position ?? next) + 1;
  }
  for (const { upload_id } of left) {
    yield { kind: "portfolio", id: upload_id, reason: "no event says that it was added" };
  }
  for (const { altered_key: id } of additions) {
    if (id !== null) yield { kind: "portfolio", id, reason: "its content was altered" };
  }
}

/** SHA-256 of nothing. */
const HASH_OF_NONE = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

function faultOfAddition(
  event: WaveEventRow,
  { first_position, last_position, count, portfolios_hash }: Addition & CheckedAddition,
  next: number,
): string | undefined {
  if (first_position !== next || last_position - first_position + 1 !== count)
    return "items of it are missing";
  return portfolios_hash === event.portfolios_hash
    ? undefined
    : "its portfolios do not give its portfolios_hash";
}

/** What the wave says has ended, against its items. */
export function* faultsOfCounts(wave: WaveRow, counted: CountedItems): Failures {
  const names = Object.keys(counted) as (keyof CountedItems)[];
  const wrong = names.filter((name) => counted[name] !== wave[name]);
  if (wrong.length > 0) {
    yield { kind: "wave", id: wave.wave_id, reason: `its items do not give its ${wrong.join(", ")}` };
  }
}
