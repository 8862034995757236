import type { RebalanceRequest } from "../contract/rebalance.ts";
import { canonicalJson } from "../platform/canonical-json.ts";
import { contentHash } from "../platform/hash.ts";
import { once, writeOnce, type OnceDeps, type OnceOutcome, type Written } from "../platform/idempotency.ts";
import type { Ids } from "../platform/ids.ts";
import { insertRun, runExists, type RunRecord } from "../runs/record.ts";
import { executeRun } from "./execute-run.ts";

export const SIMULATE_SCOPE = "rebalance.simulate";

export type RebalanceDeps = {
  readonly once: OnceDeps;
  readonly ids: Ids;
  readonly engineVersion: string;
  readonly onRun: (status: string) => void;
};

export type Caller = {
  readonly tenantId: string;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
};

/**
 * Simulates a rebalance and stores the run; the answer is the result's own bytes. With a key it happens once, and a
 * repetition gets the stored answer without a second simulation; without one (callers older than the rule) every call
 * is a run of its own.
 */
export async function simulate(
  deps: RebalanceDeps,
  caller: Caller,
  request: RebalanceRequest,
): Promise<OnceOutcome> {
  const { tenantId, idempotencyKey } = caller;
  const requestText = canonicalJson(request);
  const requestHash = contentHash(requestText);
  let executed: RunRecord | undefined;
  const prepare = (): RunRecord => {
    const identity = { ...caller, runId: deps.ids("rr_"), requestHash, engineVersion: deps.engineVersion };
    const createdAt = deps.once.clock().toISOString();
    const circumstances = { createdAt, batchRunId: null, policyPack: null, requestText: null };
    executed = executeRun(request, requestText, identity, circumstances).record;
    return executed;
  };
  const outcome =
    idempotencyKey === null
      ? await storeWithoutKey(deps, tenantId, prepare())
      : await once(
          deps.once,
          { tenantId, scope: SIMULATE_SCOPE, key: idempotencyKey, payloadHash: requestHash },
          {
            prepare,
            write: async (tx, run): Promise<Written> => {
              await insertRun(tx, tenantId, run);
              return { answer: answerOf(run), keep: true, answerOfRun: run.rebalanceRunId };
            },
          },
        );
  // A replay was executed, and counted, when it was the first.
  if (executed !== undefined && outcome.kind === "answered" && !outcome.replayed) deps.onRun(executed.status);
  return outcome;
}

async function storeWithoutKey(deps: RebalanceDeps, tenantId: string, run: RunRecord): Promise<OnceOutcome> {
  await writeOnce(
    deps.once,
    tenantId,
    (tx) => runExists(tx, tenantId, run.rebalanceRunId),
    (tx) => insertRun(tx, tenantId, run),
  );
  return { kind: "answered", answer: answerOf(run), kept: false, replayed: false };
}

function answerOf(run: RunRecord): { status: number; body: string } {
  return { status: 200, body: run.resultText };
}
