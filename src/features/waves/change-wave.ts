import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { subjectOf, type KeyedContext } from "../../platform/http/context.ts";
import { problemText } from "../../platform/http/problem.ts";
import { write, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import { decide, type WaveAction } from "./core/states.ts";
import { ACTION_SCOPES, refused, WAVE_NOT_FOUND } from "./names.ts";
import { recordEvent, settleWhenOver } from "./record-event.ts";
import { cancelPending, putBackFailed, wakeRunners } from "./repository/items.ts";
import { countEnded, lockWave, type WaveRow } from "./repository/waves.ts";
import type { WaveActionRequest } from "./schemas.ts";
import { writtenWaveText } from "./view-wave.ts";

export type ChangeDeps = Pick<Runtime, "writes" | "newId" | "clock">;

export type WaveChange = {
  readonly waveId: string;
  readonly action: WaveAction;
  readonly request: WaveActionRequest;
};

/** Items that are cancelled in one transaction: some milliseconds of locks. */
export const CANCELLED_AT_ONCE = 1_000;

/** Starts, pauses, resumes, cancels or retries a wave, once for its key, under its lock. */
export async function changeWave(
  deps: ChangeDeps,
  context: KeyedContext,
  change: WaveChange,
): Promise<WriteOutcome<WaveRow>> {
  const { tenantId, idempotencyKey: key } = context;
  const { waveId, action, request } = change;
  const scope = ACTION_SCOPES[action];
  return write<null, WaveRow>(deps.writes, {
    tenantId,
    key: {
      tenantId,
      scope,
      recordScope: `${scope.name} ${waveId}`,
      key,
      payloadHash: contentHash(canonicalJson(request)),
    },
    aggregate: `wave ${waveId}`,
    prepare: () => null,
    write: (tx) => writeChange(tx, deps, context, change),
  });
}

async function writeChange(
  tx: Tx,
  deps: ChangeDeps,
  context: KeyedContext,
  { waveId, action, request }: WaveChange,
): Promise<Written<WaveRow>> {
  const { tenantId, correlationId } = context;
  const wave = await lockWave(tx, tenantId, waveId);
  if (wave === undefined) {
    return { answer: { status: 404, body: problemText(context, WAVE_NOT_FOUND) }, made: null, record: null };
  }
  const decision = decide(wave, action);
  if (!decision.ok) {
    const body = problemText(context, refused(decision.code));
    return { answer: { status: 409, body }, made: null, record: { waveId } };
  }
  const ready = action === "retry-failed" ? await takeBackFailures(tx, tenantId, wave) : wave;
  const moved = await recordEvent(tx, deps, tenantId, ready, {
    ...decision.move,
    actor_id: request.actor_id,
    authenticated_subject: subjectOf(context),
    correlation_id: correlationId,
    reason: request.reason,
  });
  const after = await carryOut(tx, deps, tenantId, moved);
  const body = await writtenWaveText(tx, tenantId, after, deps.clock().toISOString());
  return { answer: { status: 200, body }, made: after, record: { waveId } };
}

/** What failed is to be done again, and no end any more. */
async function takeBackFailures(tx: Tx, tenantId: string, wave: WaveRow): Promise<WaveRow> {
  await putBackFailed(tx, tenantId, wave.wave_id);
  return { ...wave, failed_count: 0 };
}

/** What follows from the state that a wave has come to. */
async function carryOut(tx: Tx, deps: ChangeDeps, tenantId: string, wave: WaveRow): Promise<WaveRow> {
  switch (wave.state) {
    case "RUNNING": {
      await wakeRunners(tx);
      // Resumed when nothing is left to do.
      return settleWhenOver(tx, deps, tenantId, wave);
    }
    case "CANCELLED":
      return cancelSome(tx, deps, tenantId, wave);
    default:
      return wave;
  }
}

/**
 * Cancels items of a cancelled wave that nobody has started. Of a large wave, runners cancel the rest; what is under way
 * ends. Whoever finds nothing left settles the wave.
 */
async function cancelSome(tx: Tx, deps: ChangeDeps, tenantId: string, wave: WaveRow): Promise<WaveRow> {
  const { wave_id } = wave;
  const finishedAt = deps.clock().toISOString();
  const cancelled = await cancelPending(tx, tenantId, wave_id, CANCELLED_AT_ONCE, finishedAt);
  const none = { ready_count: 0, pending_review_count: 0, blocked_count: 0, failed_count: 0 };
  const counted = await countEnded(tx, tenantId, wave_id, { ...none, cancelled_count: cancelled });
  if (cancelled === CANCELLED_AT_ONCE) await wakeRunners(tx);
  return settleWhenOver(tx, deps, tenantId, counted ?? wave);
}

/** The same, by a runner: true where something may be left. */
export async function goOnCancelling(
  tx: Tx,
  deps: ChangeDeps,
  tenantId: string,
  waveId: string,
): Promise<boolean> {
  const wave = await lockWave(tx, tenantId, waveId);
  if (wave?.state !== "CANCELLED" || wave.settled_at !== null) return false;
  const after = await cancelSome(tx, deps, tenantId, wave);
  return after.cancelled_count - wave.cancelled_count === CANCELLED_AT_ONCE;
}
