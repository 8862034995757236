import type { RebalanceRequest } from "../../contract/rebalance.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { findStoredOutcome, type RequestKey } from "../../platform/idempotency/repository.ts";
import { replayOf, write, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import { replaysKeys } from "../policies/core.ts";
import { findPolicyPack, type PolicyPack } from "../policies/find-policy-pack.ts";
import { insertRun, mapKeyToRun, runExists, SIMULATE_SCOPE, type RunRecord } from "../runs/repository.ts";
import { executeRun, shapeRequest } from "./execute-run.ts";

export type RebalanceRuntime = Pick<Runtime, "config" | "writes" | "newId" | "engineVersion" | "metrics">;

export type SimulateCaller = {
  readonly tenantId: string;
  readonly correlationId: string;
  readonly idempotencyKey: string;
  /** The pack that was selected for it, existing or not. */
  readonly policyPackId: string | null;
};

/**
 * Simulates a rebalance and stores the run, once for its key; the answer is the result's own bytes. A repetition gets the
 * stored answer without a second simulation. Where replay is switched off, every call is a run of its own.
 */
export async function simulateRebalance(
  runtime: RebalanceRuntime,
  caller: SimulateCaller,
  request: RebalanceRequest,
): Promise<WriteOutcome<RunRecord>> {
  const { config, writes, metrics } = runtime;
  const requestText = canonicalJson(request);
  const key: RequestKey = {
    tenantId: caller.tenantId,
    scope: SIMULATE_SCOPE,
    recordScope: SIMULATE_SCOPE.name,
    key: caller.idempotencyKey,
    payloadHash: contentHash(requestText),
  };
  const { policyPack, stored, isLookedUp } = await lookAhead(runtime, caller.policyPackId, key);
  const isReplayed = replaysKeys(policyPack?.definition, config.rebalance.replaysIdempotentRequests);
  if (isReplayed && stored !== undefined) return stored;
  const prepare = () => prepareRun(runtime, caller, request, requestText, policyPack);
  const outcome = isReplayed
    ? await write(writes, writeOnce(key, prepare, isLookedUp))
    : await write(writes, writeAlways(key, prepare));
  // A replay was executed, and counted, when it was the first.
  if (outcome.kind === "answered" && outcome.made !== null) metrics.runs.inc({ status: outcome.made.status });
  return outcome;
}

type Ahead = {
  readonly policyPack: PolicyPack | undefined;
  readonly stored: WriteOutcome<never> | undefined;
  readonly isLookedUp: boolean;
};

/**
 * Reads the selected pack and, in the same transaction, what is stored under the key: the pack decides whether that is
 * replayed. Where no pack is selected there is nothing to read ahead.
 */
async function lookAhead(
  { writes }: RebalanceRuntime,
  policyPackId: string | null,
  key: RequestKey,
): Promise<Ahead> {
  const { tenantId } = key;
  if (policyPackId === null) return { policyPack: undefined, stored: undefined, isLookedUp: false };
  return inTransaction(writes.database, { tenantId, readOnly: true }, async (tx) => {
    const [policyPack, found] = await Promise.all([
      findPolicyPack(tx, tenantId, policyPackId),
      findStoredOutcome(tx, key),
    ]);
    const stored = found?.kind === "stored" ? replayOf(found.answer) : found;
    return { policyPack, stored, isLookedUp: true };
  });
}

function prepareRun(
  runtime: RebalanceRuntime,
  caller: SimulateCaller,
  request: RebalanceRequest,
  requestText: string,
  policyPack: PolicyPack | undefined,
): RunRecord {
  const { config, newId, engineVersion, writes } = runtime;
  const identity = {
    runId: newId("rr_"),
    correlationId: caller.correlationId,
    requestHash: contentHash(requestText),
    idempotencyKey: caller.idempotencyKey,
    engineVersion,
  };
  const circumstances = {
    createdAt: writes.clock().toISOString(),
    batchRunId: null,
    storesArtifact: config.rebalance.artifactStoreMode === "PERSISTED",
  };
  return executeRun(shapeRequest(request, requestText, policyPack), identity, circumstances).record;
}

function writeOnce(key: RequestKey, prepare: () => RunRecord, isLookedUp: boolean) {
  return {
    tenantId: key.tenantId,
    key,
    isLookedUp,
    prepare,
    write: async (tx: Tx, run: RunRecord): Promise<Written<RunRecord>> => {
      await insertRun(tx, key.tenantId, run);
      const record = { rebalanceRunId: run.rebalance_run_id, isBodyOfRun: true } as const;
      return { answer: answerOf(run), made: run, record };
    },
  };
}

/** Every call is a run of its own; the key maps to the newest. */
function writeAlways({ tenantId, recordScope, key }: RequestKey, prepare: () => RunRecord) {
  return {
    tenantId,
    key: null,
    prepare,
    write: async (tx: Tx, run: RunRecord): Promise<Written<RunRecord>> => {
      await insertRun(tx, tenantId, run);
      await mapKeyToRun(tx, tenantId, recordScope, key, run);
      return { answer: answerOf(run), made: run, record: null };
    },
    wasCommitted: (tx: Tx, run: RunRecord) => runExists(tx, tenantId, run.rebalance_run_id),
  };
}

function answerOf(run: RunRecord) {
  return { status: 200, body: run.result_text };
}
