import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import {
  always,
  once,
  type Answer,
  type OnceDeps,
  type OnceOutcome,
  type Written,
} from "../../platform/idempotency.ts";
import type { Ids } from "../../platform/ids.ts";
import type {
  DpmRunWorkflowActionRequest,
  DpmRunWorkflowHistoryResponse,
  DpmRunWorkflowResponse,
} from "../runs/schemas.ts";
import { whyMissing, type Missing, type Seen } from "../runs/lookup.ts";
import type { RunKey } from "../runs/repository.ts";
import { decide, decisionView, reviewOf, type ReviewedRun, type ReviewRefusal } from "./core.ts";
import {
  decisionExists,
  findLatestDecision,
  findReviewedRun,
  findRunOfAction,
  insertDecision,
  listRunDecisions,
  lockActionKey,
  lockReview,
  reviewScope,
  type MovingRunKey,
} from "./repository.ts";

export type ReviewDeps = {
  readonly once: OnceDeps;
  readonly ids: Ids;
  /** Run statuses that need a review. */
  readonly requiredForStatuses: readonly string[];
};

export type ReviewCaller = {
  readonly tenantId: string;
  readonly correlationId: string;
  /** Null from callers older than the rule: then every request is an action of its own. */
  readonly idempotencyKey: string | null;
  /** The bytes in which a refusal goes out; they are what is stored with the key. */
  readonly refusalBody: (status: 404 | 409, code: ReviewRefusal | "DPM_RUN_NOT_FOUND") => string;
};

/** What an action comes to; `inconsistent` also where the key in the path maps to a run that is not there. */
export type ActionOutcome = OnceOutcome | Missing;

/** Looks for the run of an action; more than two mean that runs are made faster than one can be locked. */
const MOST_ROUNDS = 5;

/**
 * Does an action on the review of a run, exactly once for its Idempotency-Key. The lock of the run orders the actions,
 * so of two that cannot both be, the second is refused; a refusal is stored with its key.
 */
export async function actOnRun(
  deps: ReviewDeps,
  caller: ReviewCaller,
  key: RunKey,
  request: DpmRunWorkflowActionRequest,
): Promise<ActionOutcome> {
  if (caller.idempotencyKey === null) return actWithoutKey(deps, caller, key, request);
  const { tenantId, idempotencyKey } = caller;
  const payloadHash = contentHash(canonicalJson(request));
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const runId = await runOfAction(deps.once.database, tenantId, key, idempotencyKey);
    if (typeof runId !== "string") return runId;
    const claim = { tenantId, scope: reviewScope(runId), key: idempotencyKey, payloadHash };
    try {
      return await once(deps.once, claim, {
        prepare: () => deps.ids("dwd_"),
        locksAggregate: true,
        write: async (tx, decisionId) => {
          if (isMoving(key)) await assertStillNamed(tx, tenantId, key, idempotencyKey, runId);
          return writeAction(tx, deps, caller, runId, request, decisionId);
        },
      });
    } catch (error) {
      if (!(error instanceof RunMoved)) throw error;
    }
  }
  return { kind: "in_progress" };
}

/** Between the look for the run and its lock, the key came to name another. Nothing was written: look again. */
class RunMoved extends Error {}

function isMoving(key: RunKey): key is MovingRunKey {
  return key.by === "correlation_id" || key.by === "idempotency_key";
}

async function runOfAction(
  database: Database,
  tenantId: string,
  key: RunKey,
  idempotencyKey: string,
): Promise<string | Missing> {
  if (key.by === "id") return key.value;
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const runId = isMoving(key)
      ? await findRunOfAction(tx, tenantId, key, idempotencyKey)
      : (await findReviewedRun(tx, tenantId, key))?.rebalance_run_id;
    return runId ?? (await whyMissing(tx, tenantId, key));
  });
}

/** Two uses of one Idempotency-Key could otherwise act on two runs, if one of them is made in between. */
async function assertStillNamed(
  tx: Tx,
  tenantId: string,
  key: MovingRunKey,
  idempotencyKey: string,
  runId: string,
): Promise<void> {
  await lockActionKey(tx, tenantId, idempotencyKey);
  if ((await findRunOfAction(tx, tenantId, key, idempotencyKey)) !== runId) throw new RunMoved();
}

async function writeAction(
  tx: Tx,
  deps: ReviewDeps,
  caller: ReviewCaller,
  runId: string,
  request: DpmRunWorkflowActionRequest,
  decisionId: string,
): Promise<Written> {
  const { tenantId, correlationId, idempotencyKey } = caller;
  const run = await lockReview(tx, tenantId, runId);
  if (run === undefined) return { answer: refusal(caller, 404, "DPM_RUN_NOT_FOUND"), keep: false };
  const latest = await findLatestDecision(tx, tenantId, runId);
  const context = { tenantId, correlationId, idempotencyKey, decisionId, now: deps.once.clock() };
  const outcome = decide(run, latest, deps.requiredForStatuses, request, context);
  if (!outcome.ok) return { answer: refusal(caller, 409, outcome.code), keep: true, aboutRun: runId };
  await insertDecision(tx, tenantId, outcome.decision);
  const body = canonicalJson(reviewOf(run, outcome.decision, deps.requiredForStatuses));
  return { answer: { status: 200, body }, keep: true, aboutRun: runId };
}

function refusal(caller: ReviewCaller, status: 404 | 409, code: ReviewRefusal | "DPM_RUN_NOT_FOUND"): Answer {
  return { status, body: caller.refusalBody(status, code) };
}

async function actWithoutKey(
  deps: ReviewDeps,
  caller: ReviewCaller,
  key: RunKey,
  request: DpmRunWorkflowActionRequest,
): Promise<ActionOutcome> {
  const { tenantId } = caller;
  const { database } = deps.once;
  const found = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    seeRun(tx, tenantId, key),
  );
  if (found.kind !== "found") return found;
  return always(deps.once, tenantId, {
    prepare: () => deps.ids("dwd_"),
    write: (tx, decisionId) =>
      writeAction(tx, deps, caller, found.value.rebalance_run_id, request, decisionId),
    landed: (tx, decisionId) => decisionExists(tx, tenantId, decisionId),
  });
}

async function seeRun(tx: Tx, tenantId: string, key: RunKey): Promise<Seen<ReviewedRun>> {
  const run = await findReviewedRun(tx, tenantId, key);
  if (run === undefined) return whyMissing(tx, tenantId, key);
  return { kind: "found", value: run };
}

/** Where the review of a run stands. */
export function readReview(
  deps: ReviewDeps,
  tenantId: string,
  key: RunKey,
): Promise<Seen<DpmRunWorkflowResponse>> {
  return inTransaction(deps.once.database, { tenantId, readOnly: true }, async (tx) => {
    const run = await seeRun(tx, tenantId, key);
    if (run.kind !== "found") return run;
    const latest = await findLatestDecision(tx, tenantId, run.value.rebalance_run_id);
    return { kind: "found", value: reviewOf(run.value, latest, deps.requiredForStatuses) };
  });
}

/** Every decision about a run, in the order in which they were taken. */
export function readReviewHistory(
  deps: ReviewDeps,
  tenantId: string,
  key: RunKey,
): Promise<Seen<DpmRunWorkflowHistoryResponse>> {
  return inTransaction(deps.once.database, { tenantId, readOnly: true }, async (tx) => {
    const run = await seeRun(tx, tenantId, key);
    if (run.kind !== "found") return run;
    const decisions = await listRunDecisions(tx, tenantId, run.value.rebalance_run_id);
    return {
      kind: "found",
      value: { decisions: decisions.map(decisionView), run_id: run.value.rebalance_run_id },
    };
  });
}
