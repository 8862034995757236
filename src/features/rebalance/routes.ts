import {
  BatchRebalanceRequest,
  BatchRebalanceResult,
  RebalanceRequest,
  RebalanceResult,
} from "../../contract/rebalance.ts";
import { onceProblems, onceReply, type OnceNames, type OnceWitness } from "../../platform/http/once-reply.ts";
import { route, type Route } from "../../platform/http/route.ts";
import { keyed, type RequestContext } from "../../platform/http/context.ts";
import { selectPolicyPack, type PolicySettings } from "../policies/selection.ts";
import { analyze, ANALYZE_SCOPE } from "./analyze.ts";
import type { OptionsReader } from "./core.ts";
import { ANALYZE_EXAMPLE, SIMULATE_EXAMPLE } from "./examples.ts";
import { simulate, SIMULATE_SCOPE, type RebalanceDeps } from "./simulate.ts";

export type RebalanceRouteDeps = {
  readonly rebalance: RebalanceDeps;
  readonly policies: PolicySettings;
  readonly readOptions: OptionsReader;
  readonly witness: OnceWitness;
};

const SIMULATE: OnceNames = { scope: SIMULATE_SCOPE, inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT" };
const ANALYZE: OnceNames = { scope: ANALYZE_SCOPE, inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT" };

const POLICY_HEADERS = [
  { name: "X-Policy-Pack-Id", description: "The policy pack that shapes this run." },
  {
    name: "X-Tenant-Policy-Pack-Id",
    description: "The tenant's default pack, where the request names none.",
  },
];

export function rebalanceRoutes(deps: RebalanceRouteDeps): Route[] {
  return [simulateRoute(deps), analyzeRoute(deps)];
}

function simulateRoute(deps: RebalanceRouteDeps): Route {
  return route({
    method: "POST",
    path: "/rebalance/simulate",
    operationId: "simulateRebalance",
    tag: "Rebalancing",
    summary: "Simulate a discretionary rebalance and store the run",
    description:
      "The outcome is in `status`: READY, PENDING_REVIEW or BLOCKED. The same key and payload again is answered with the stored bytes and `Idempotent-Replayed: true`.",
    idempotencyKey: "required",
    headers: POLICY_HEADERS,
    body: RebalanceRequest,
    bodyExample: SIMULATE_EXAMPLE,
    answers: { 200: { description: "The result of the run.", schema: RebalanceResult } },
    problems: onceProblems(SIMULATE),
    handle: async ({ context, body }) => {
      const caller = { ...keyed(context), policyPackId: selectedPack(deps, context) };
      return onceReply(context, await simulate(deps.rebalance, caller, body), SIMULATE, deps.witness);
    },
  });
}

function analyzeRoute(deps: RebalanceRouteDeps): Route {
  return route({
    method: "POST",
    path: "/rebalance/analyze",
    operationId: "analyzeScenarios",
    tag: "Rebalancing",
    summary: "Simulate 1 to 20 what-if scenarios of one portfolio and store their runs",
    description: "Bad options of one scenario fail that scenario alone; the others run.",
    headers: POLICY_HEADERS,
    body: BatchRebalanceRequest,
    bodyExample: ANALYZE_EXAMPLE,
    answers: { 200: { description: "All scenarios side by side.", schema: BatchRebalanceResult } },
    problems: onceProblems(ANALYZE),
    handle: async ({ context, body }) => {
      const { tenantId, givenCorrelationId, idempotencyKey } = context;
      const caller = {
        tenantId,
        givenCorrelationId,
        idempotencyKey,
        policyPackId: selectedPack(deps, context),
      };
      const outcome = await analyze(deps.rebalance, caller, body, deps.readOptions);
      return onceReply(context, outcome, ANALYZE, deps.witness);
    },
  });
}

function selectedPack(deps: RebalanceRouteDeps, context: RequestContext): string | null {
  const names = {
    tenantId: context.tenantId,
    requested: context.policyPackId,
    tenantDefault: context.tenantPolicyPackId,
  };
  return selectPolicyPack(deps.policies, names).selected_policy_pack_id;
}
