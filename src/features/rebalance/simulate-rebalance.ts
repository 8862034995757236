import type { Tx } from "../../platform/database/transaction.ts";
import { orRefuse } from "../../platform/http/accepted.ts";
import { subjectOf, type Authenticated } from "../../platform/http/context.ts";
import type { RequestKey } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import type { Runtime } from "../../runtime.ts";
import { definitionOf, replaysKeys, type PackInForce, type PackSelection } from "../policies/core.ts";
import { insertRun, mapKeyToRun, runExists, SIMULATE_SCOPE, type MadeRun } from "../runs/repository.ts";
import type { RebalanceDocument } from "./bodies.ts";
import { CALCULATE_RUN } from "./calculations.ts";
import { lookAhead, type UnknownPack } from "./look-ahead.ts";

export type RebalanceRuntime = Pick<
  Runtime,
  "config" | "writes" | "newId" | "engineVersion" | "metrics" | "calculations"
>;

export type SimulateCaller = Authenticated & {
  readonly tenantId: string;
  readonly correlationId: string;
  readonly idempotencyKey: string;
  readonly selection: PackSelection;
};

/**
 * Simulates a rebalance and stores the run, once for its key; the answer is the result's own bytes. A repetition gets the
 * stored answer without a second simulation. Where replay is switched off, every call is a run of its own.
 */
export async function simulateRebalance(
  runtime: RebalanceRuntime,
  caller: SimulateCaller,
  request: RebalanceDocument,
): Promise<WriteOutcome<MadeRun> | UnknownPack> {
  const { config, writes, metrics } = runtime;
  const key: RequestKey = {
    tenantId: caller.tenantId,
    scope: SIMULATE_SCOPE,
    recordScope: SIMULATE_SCOPE.name,
    key: caller.idempotencyKey,
    payloadHash: request.hash,
  };
  const ahead = await lookAhead(writes.database, caller.tenantId, caller.selection, key);
  const { policyPack, stored, isLookedUp } = ahead;
  const isReplayed = replaysKeys(
    policyPack && definitionOf(policyPack),
    config.rebalance.replaysIdempotentRequests,
  );
  if (isReplayed && stored !== undefined) return stored;
  if (ahead.isRefused) return { kind: "unknown_policy_pack" };
  const prepare = () => prepareRun(runtime, caller, request, ahead);
  const outcome = isReplayed
    ? await write(writes, writeOnce(key, subjectOf(caller), prepare, isLookedUp))
    : await write(writes, writeAlways(key, subjectOf(caller), prepare));
  // A replay was executed, and counted, when it was the first.
  if (outcome.kind === "answered" && outcome.made !== null) metrics.runs.inc({ status: outcome.made.status });
  return outcome;
}

async function prepareRun(
  runtime: RebalanceRuntime,
  caller: SimulateCaller,
  document: RebalanceDocument,
  { policyPack, isPackMissing }: PackInForce,
): Promise<MadeRun> {
  const { config, newId, engineVersion, writes, calculations } = runtime;
  const identity = {
    runId: newId("rr_"),
    correlationId: caller.correlationId,
    requestHash: document.hash,
    idempotencyKey: caller.idempotencyKey,
    engineVersion,
    defaultRulesVersion: config.contract.defaultRulesVersion,
  };
  const circumstances = {
    createdAt: writes.clock().toISOString(),
    batchRunId: null,
    storesArtifact: config.rebalance.artifactStoreMode === "PERSISTED",
  };
  const { cost } = document;
  const input = { document, policyPack, isPackMissing, identity, circumstances };
  return orRefuse(await calculations.run(CALCULATE_RUN, input, { cost }));
}

function writeOnce(
  key: RequestKey,
  submitter: string | null,
  prepare: () => Promise<MadeRun>,
  isLookedUp: boolean,
) {
  return {
    tenantId: key.tenantId,
    key,
    isLookedUp,
    prepare,
    write: async (tx: Tx, run: MadeRun): Promise<Written<MadeRun>> => {
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
  prepare: () => Promise<MadeRun>,
) {
  return {
    tenantId,
    key: null,
    prepare,
    write: async (tx: Tx, run: MadeRun): Promise<Written<MadeRun>> => {
      await insertRun(tx, tenantId, run, submitter);
      await mapKeyToRun(tx, tenantId, recordScope, key, run);
      return { answer: answerOf(run), made: run, record: null };
    },
    wasCommitted: (tx: Tx, run: MadeRun) => runExists(tx, tenantId, run.rebalance_run_id),
  };
}

function answerOf(run: MadeRun) {
  return { status: 200, body: run.result_text };
}
