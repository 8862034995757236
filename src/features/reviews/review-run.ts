import type { Database } from "../../platform/database/database.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { subjectOf, type Authenticated } from "../../platform/http/context.ts";
import { problemText, type Occurrence } from "../../platform/http/problem.ts";
import { write, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import { whyMissing, type MissingRun } from "../runs/missing-run.ts";
import type { PathRunKey } from "../runs/run-paths.ts";
import { decide, reviewOf, type RunDecision, type ReviewRefusal } from "./core.ts";
import {
  decisionExists,
  findLatestDecision,
  findRunOfAction,
  insertDecision,
  lockActionKey,
  lockReview,
  REVIEW_SCOPE,
  reviewRecordScope,
} from "./repository.ts";
import { findRunUnderReview } from "./read-review.ts";
import type { DpmRunWorkflowActionRequest } from "./schemas.ts";

export type ReviewDeps = Pick<Runtime, "config" | "writes" | "newId">;

/** Who acts, and by which request: a refusal says so, as it is stored with the key. */
export type ReviewCaller = Occurrence &
  Authenticated & {
    readonly tenantId: string;
    /** Null from callers older than the rule: then every request is an action of its own. */
    readonly idempotencyKey: string | null;
  };

/** What an action comes to; `inconsistent` also where the key in the path maps to a run that is not there. */
export type ReviewOutcome = WriteOutcome<RunDecision> | MissingRun;

/** Looks for the run of an action; more than that mean that runs are made faster than one can be locked. */
const MOST_LOOKS = 5;

/**
 * Does an action on the review of a run, exactly once for its Idempotency-Key. The lock of the run orders the actions,
 * so of two that cannot both be, the second is refused; a refusal is stored with its key.
 */
export async function reviewRun(
  deps: ReviewDeps,
  caller: ReviewCaller,
  key: PathRunKey,
  request: DpmRunWorkflowActionRequest,
): Promise<ReviewOutcome> {
  const { idempotencyKey } = caller;
  if (idempotencyKey === null) return reviewWithoutKey(deps, caller, key, request);
  for (let look = 1; look <= MOST_LOOKS; look += 1) {
    const runId = await readRunOfAction(deps.writes.database, caller.tenantId, key, idempotencyKey);
    if (typeof runId !== "string") return runId;
    try {
      return await reviewWithKey(deps, { ...caller, idempotencyKey }, key, runId, request);
    } catch (error) {
      if (!(error instanceof RunMoved)) throw error;
    }
  }
  return { kind: "in_progress" };
}

/** Between the look for the run and its lock, the key came to name another. Nothing was written: look again. */
class RunMoved extends Error {}

async function readRunOfAction(
  database: Database,
  tenantId: string,
  key: PathRunKey,
  idempotencyKey: string,
): Promise<string | MissingRun> {
  if (key.by === "rebalance_run_id") return key.value;
  return inTransaction(
    database,
    { tenantId, readOnly: true },
    async (tx) =>
      (await findRunOfAction(tx, tenantId, key, idempotencyKey)) ?? (await whyMissing(tx, tenantId, key)),
  );
}

function reviewWithKey(
  deps: ReviewDeps,
  caller: ReviewCaller & { readonly idempotencyKey: string },
  key: PathRunKey,
  runId: string,
  request: DpmRunWorkflowActionRequest,
): Promise<WriteOutcome<RunDecision>> {
  const { tenantId, idempotencyKey } = caller;
  return write<string, RunDecision>(deps.writes, {
    tenantId,
    key: {
      tenantId,
      scope: REVIEW_SCOPE,
      recordScope: reviewRecordScope(runId),
      key: idempotencyKey,
      payloadHash: contentHash(canonicalJson(request)),
    },
    prepare: () => deps.newId("dwd_"),
    aggregate: aggregateOf(runId),
    write: async (tx, decisionId) => {
      await assertStillNamed(tx, tenantId, key, idempotencyKey, runId);
      return recordDecision(tx, deps, caller, runId, request, decisionId);
    },
  });
}

/** Two uses of one Idempotency-Key could otherwise act on two runs, if one of them is made in between. */
async function assertStillNamed(
  tx: Tx,
  tenantId: string,
  key: PathRunKey,
  idempotencyKey: string,
  runId: string,
): Promise<void> {
  if (key.by === "rebalance_run_id") return;
  await lockActionKey(tx, tenantId, idempotencyKey);
  if ((await findRunOfAction(tx, tenantId, key, idempotencyKey)) !== runId) throw new RunMoved();
}

/** The name under which the reviews of a run take turns. */
function aggregateOf(runId: string): string {
  return `run ${runId}`;
}

async function reviewWithoutKey(
  deps: ReviewDeps,
  caller: ReviewCaller,
  key: PathRunKey,
  request: DpmRunWorkflowActionRequest,
): Promise<ReviewOutcome> {
  const { tenantId } = caller;
  const found = await inTransaction(deps.writes.database, { tenantId, readOnly: true }, (tx) =>
    findRunUnderReview(tx, tenantId, key),
  );
  if (found.kind !== "found") return found;
  const { rebalance_run_id } = found.value;
  return write<string, RunDecision>(deps.writes, {
    tenantId,
    key: null,
    aggregate: aggregateOf(rebalance_run_id),
    prepare: () => deps.newId("dwd_"),
    write: (tx, decisionId) => recordDecision(tx, deps, caller, rebalance_run_id, request, decisionId),
    wasCommitted: (tx, { decision_id }) => decisionExists(tx, tenantId, decision_id),
  });
}

async function recordDecision(
  tx: Tx,
  { config, writes }: ReviewDeps,
  caller: ReviewCaller,
  runId: string,
  request: DpmRunWorkflowActionRequest,
  decisionId: string,
): Promise<Written<RunDecision>> {
  const { tenantId, correlationId, idempotencyKey } = caller;
  const rules = config.rebalance.review;
  const run = await lockReview(tx, tenantId, runId);
  if (run === undefined) {
    return { answer: refusal(caller, 404, "DPM_RUN_NOT_FOUND"), made: null, record: null };
  }
  const latest = await findLatestDecision(tx, tenantId, runId);
  const authenticatedSubject = subjectOf(caller);
  const context = {
    tenantId,
    correlationId,
    idempotencyKey,
    authenticatedSubject,
    decisionId,
    now: writes.clock(),
  };
  const outcome = decide(run, latest, rules, request, context);
  const record = { rebalanceRunId: runId };
  if (!outcome.ok) {
    // Another reviewer may use the key that was refused to this one.
    return outcome.code === "SEGREGATION_OF_DUTIES"
      ? { answer: refusal(caller, 403, outcome.code), made: null, record: null }
      : { answer: refusal(caller, 409, outcome.code), made: null, record };
  }
  const { decision } = outcome;
  await insertDecision(tx, tenantId, decision);
  const body = canonicalJson(reviewOf(run, decision, rules.requiredForStatuses));
  return { answer: { status: 200, body }, made: decision, record };
}

function refusal(caller: ReviewCaller, status: 403 | 404 | 409, detail: ReviewRefusal | "DPM_RUN_NOT_FOUND") {
  return { status, body: problemText(caller, { status, detail }) };
}
