import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { subjectOf, type Authenticated } from "../../platform/http/context.ts";
import { findStoredOutcome, type RequestKey } from "../../platform/idempotency/repository.ts";
import { replayOf, write, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import type { Runtime } from "../../runtime.ts";
import { definitionOf, replaysKeys, type PolicyPack } from "../policies/core.ts";
import { findPolicyPack } from "../policies/find-policy-pack.ts";
import { insertRun, mapKeyToRun, runExists, SIMULATE_SCOPE, type RunRecord } from "../runs/repository.ts";
import type { RebalanceDocument } from "./bodies.ts";
import { CALCULATE_RUN } from "./calculations.ts";

export type RebalanceRuntime = Pick<
  Runtime,
  "config" | "writes" | "newId" | "engineVersion" | "metrics" | "calculations"
>;

export type SimulateCaller = Authenticated & {
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
  request: RebalanceDocument,
): Promise<WriteOutcome<RunRecord>> {
  const { config, writes, metrics } = runtime;
  const key: RequestKey = {
    tenantId: caller.tenantId,
    scope: SIMULATE_SCOPE,
    recordScope: SIMULATE_SCOPE.name,
    key: caller.idempotencyKey,
    payloadHash: request.hash,
  };
  const { policyPack, stored, isLookedUp } = await lookAhead(runtime, caller.policyPackId, key);
  const isReplayed = replaysKeys(
    policyPack && definitionOf(policyPack),
    config.rebalance.replaysIdempotentRequests,
  );
  if (isReplayed && stored !== undefined) return stored;
  const prepare = () => prepareRun(runtime, caller, request, policyPack);
  const outcome = isReplayed
    ? await write(writes, writeOnce(key, subjectOf(caller), prepare, isLookedUp))
    : await write(writes, writeAlways(key, subjectOf(caller), prepare));
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
  document: RebalanceDocument,
  policyPack: PolicyPack | undefined,
): Promise<RunRecord> {
  const { config, newId, engineVersion, writes, calculations } = runtime;
  const identity = {
    runId: newId("rr_"),
    correlationId: caller.correlationId,
    requestHash: document.hash,
    idempotencyKey: caller.idempotencyKey,
    engineVersion,
  };
  const circumstances = {
    createdAt: writes.clock().toISOString(),
    batchRunId: null,
    storesArtifact: config.rebalance.artifactStoreMode === "PERSISTED",
  };
  const { cost } = document;
  const input = { document, policyPack, identity, circumstances };
  return calculations.run(CALCULATE_RUN, input, { cost });
}

function writeOnce(
  key: RequestKey,
  submitter: string | null,
  prepare: () => Promise<RunRecord>,
  isLookedUp: boolean,
) {
  return {
    tenantId: key.tenantId,
    key,
    isLookedUp,
    prepare,
    write: async (tx: Tx, run: RunRecord): Promise<Written<RunRecord>> => {
      await insertRun(tx, key.tenantId, run, submitter);
      const record = { rebalanceRunId: run.rebalance_run_id, isBodyOfRun: true } as const;
      return { answer: answerOf(run), made: run, record };
    },
  };
}

/** Every call is a run of its own; the key maps to the newest. */
function writeAlways(
  { tenantId, recordScope, key }: RequestKey,
  submitter: string | null,
  prepare: () => Promise<RunRecord>,
) {
  return {
    tenantId,
    key: null,
    prepare,
    write: async (tx: Tx, run: RunRecord): Promise<Written<RunRecord>> => {
      await insertRun(tx, tenantId, run, submitter);
      await mapKeyToRun(tx, tenantId, recordScope, key, run);
      return { answer: answerOf(run), made: run, record: null };
    },
    wasCommitted: (tx: Tx, run: RunRecord) => runExists(tx, tenantId, run.rebalance_run_id),
  };
}

function answerOf(run: RunRecord) {
  return { status: 200, body: run.result_text };
}
