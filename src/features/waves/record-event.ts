import { notBefore } from "../../platform/clock.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import { sealEvent, type WaveEventDraft } from "./core/event.ts";
import { endedOf, moveWhenOver } from "./core/states.ts";
import { countsOf } from "./core/wave.ts";
import { hashOfItems, insertEvent } from "./repository/events.ts";
import { countRunning } from "./repository/items.ts";
import { updateWave, type WaveRow } from "./repository/waves.ts";
import type { WaveEventType, WaveState } from "./schemas.ts";

export type EventDeps = Pick<Runtime, "clock" | "newId">;

/** What happened to a wave, and by whom. */
export type WaveOccurrence = Pick<
  WaveEventDraft,
  "actor_id" | "authenticated_subject" | "correlation_id" | "reason"
> & {
  readonly event: WaveEventType;
  readonly to: WaveState;
  readonly portfolios_hash?: string;
  readonly items_hash?: string;
};

/**
 * Records what happened to a wave, whose lock is held, and returns the wave as it stands then. Every event of a wave but
 * the first is written here; a trigger of the table tells the feed of each.
 */
export async function recordEvent(
  tx: Tx,
  deps: EventDeps,
  tenantId: string,
  wave: WaveRow,
  { event, to, portfolios_hash, items_hash, ...who }: WaveOccurrence,
): Promise<WaveRow> {
  const running = await countRunning(tx, tenantId, wave.wave_id);
  const occurredAt = notBefore(wave.last_event_at, deps.clock());
  const sealed = sealEvent(
    {
      ...who,
      wave_id: wave.wave_id,
      event_no: wave.last_event_no + 1,
      event_id: deps.newId("rwe_"),
      event_type: event,
      from_state: wave.state,
      to_state: to,
      occurred_at: occurredAt,
      counts_text: canonicalJson(countsOf(wave, running)),
      wave_hash: null,
      portfolios_hash: portfolios_hash ?? null,
      items_hash: items_hash ?? null,
    },
    wave.last_event_hash,
  );
  const isOver = items_hash !== undefined;
  const begins = to === "RUNNING" && wave.state !== "RUNNING";
  const after: WaveRow = {
    ...wave,
    state: to,
    last_event_no: sealed.event_no,
    last_event_hash: sealed.event_hash,
    last_event_at: occurredAt,
    running_since: begins ? occurredAt : wave.running_since,
    ended_before: begins ? endedOf(wave) : wave.ended_before,
    settled_at: isOver ? occurredAt : null,
  };
  await Promise.all([insertEvent(tx, tenantId, sealed), updateWave(tx, tenantId, after)]);
  return after;
}

/** Ends a wave, whose lock is held, when its last item has ended; else nothing. */
export async function settleWhenOver(
  tx: Tx,
  deps: EventDeps,
  tenantId: string,
  wave: WaveRow,
): Promise<WaveRow> {
  const move = moveWhenOver(wave);
  if (move === undefined) return wave;
  return recordEvent(tx, deps, tenantId, wave, {
    ...move,
    actor_id: null,
    authenticated_subject: null,
    correlation_id: wave.correlation_id,
    reason: null,
    items_hash: await hashOfItems(tx, tenantId, wave.wave_id),
  });
}
