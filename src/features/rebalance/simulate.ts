import type { RebalanceRequest } from "../../contract/rebalance.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import {
  always,
  findOutcome,
  once,
  type Claim,
  type OnceDeps,
  type OnceOutcome,
  type Written,
} from "../../platform/idempotency.ts";
import type { Ids } from "../../platform/ids.ts";
import { replaysKeys } from "../policies/apply.ts";
import { findPolicyPack, type PolicyPack } from "../policies/pack.ts";
import { insertRun, mapKeyToRun, runExists, type RunRecord } from "../runs/record.ts";
import { executeRun, shapeRequest } from "./execute-run.ts";

export const SIMULATE_SCOPE = "rebalance.simulate";

export type RebalanceDeps = {
  readonly once: OnceDeps;
  readonly ids: Ids;
  readonly engineVersion: string;
  /** Whether the artifact of a run is made and stored with it, rather than made when asked for. */
  readonly storesArtifacts: boolean;
  /** Whether a known key is replayed, where the policy pack does not say. */
  readonly isReplayEnabled: boolean;
  /** Called for each run that was committed. */
  readonly onRun: (status: string) => void;
};

export type Caller = {
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
export async function simulate(
  deps: RebalanceDeps,
  caller: Caller,
  request: RebalanceRequest,
): Promise<OnceOutcome> {
  const requestText = canonicalJson(request);
  const requestHash = contentHash(requestText);
  const claim = {
    tenantId: caller.tenantId,
    scope: SIMULATE_SCOPE,
    key: caller.idempotencyKey,
    payloadHash: requestHash,
  };
  const { policyPack, stored, isLookedUp } = await lookAhead(deps, caller, claim);
  const isReplayed = replaysKeys(policyPack?.definition, deps.isReplayEnabled);
  if (isReplayed && stored !== undefined) return stored;
  let executed: RunRecord | undefined;
  const prepare = (): RunRecord => {
    const identity = {
      runId: deps.ids("rr_"),
      correlationId: caller.correlationId,
      requestHash,
      idempotencyKey: caller.idempotencyKey,
      engineVersion: deps.engineVersion,
    };
    const circumstances = {
      createdAt: deps.once.clock().toISOString(),
      batchRunId: null,
      storesArtifact: deps.storesArtifacts,
    };
    executed = executeRun(shapeRequest(request, requestText, policyPack), identity, circumstances).record;
    return executed;
  };
  const outcome = isReplayed
    ? await storeOnce(deps, claim, prepare, isLookedUp)
    : await storeAlways(deps, claim, prepare);
  // A replay was executed, and counted, when it was the first.
  if (executed !== undefined && outcome.kind === "answered" && !outcome.replayed) deps.onRun(executed.status);
  return outcome;
}

type Ahead = {
  readonly policyPack: PolicyPack | undefined;
  readonly stored: OnceOutcome | undefined;
  readonly isLookedUp: boolean;
};

/**
 * Reads the selected pack and, in the same transaction, what is stored under the key: the pack decides whether that is
 * replayed. Where no pack is selected there is nothing to read ahead.
 */
async function lookAhead(deps: RebalanceDeps, caller: Caller, claim: Claim): Promise<Ahead> {
  const { tenantId, policyPackId } = caller;
  if (policyPackId === null) return { policyPack: undefined, stored: undefined, isLookedUp: false };
  return inTransaction(deps.once.database, { tenantId, readOnly: true }, async (tx) => {
    const [policyPack, stored] = await Promise.all([
      findPolicyPack(tx, tenantId, policyPackId),
      findOutcome(tx, claim),
    ]);
    return { policyPack, stored, isLookedUp: true };
  });
}

function storeOnce(
  deps: RebalanceDeps,
  claim: Claim,
  prepare: () => RunRecord,
  isLookedUp: boolean,
): Promise<OnceOutcome> {
  return once(deps.once, claim, {
    prepare,
    isLookedUp,
    write: async (tx, run): Promise<Written> => {
      await insertRun(tx, claim.tenantId, run);
      return { answer: answerOf(run), keep: true, answerOfRun: run.rebalanceRunId };
    },
  });
}

/** Every call is a run of its own; the key maps to the newest. */
function storeAlways(deps: RebalanceDeps, claim: Claim, prepare: () => RunRecord): Promise<OnceOutcome> {
  const { tenantId, scope, key } = claim;
  return always(deps.once, tenantId, {
    prepare,
    write: async (tx, run): Promise<Written> => {
      await insertRun(tx, tenantId, run);
      await mapKeyToRun(tx, tenantId, scope, key, run);
      return { answer: answerOf(run), keep: false };
    },
    landed: (tx, run) => runExists(tx, tenantId, run.rebalanceRunId),
  });
}

function answerOf(run: RunRecord): { status: number; body: string } {
  return { status: 200, body: run.resultText };
}
