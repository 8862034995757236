import { keyed, type RequestContext } from "../../platform/http/context.ts";
import { writeProblems } from "../../platform/http/idempotent-reply.ts";
import { switchedBy } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import { ANSWER_IN_RECORD, type IdempotencyScope } from "../../platform/idempotency/repository.ts";
import type { Runtime } from "../../runtime.ts";
import { acceptOperation } from "../operations/accept-operation.ts";
import { dpmAcceptedText } from "../operations/core.ts";
import type { Operations } from "../operations/operations.ts";
import { selectPolicyPack } from "../policies/core.ts";
import { SIMULATE_SCOPE } from "../runs/repository.ts";
import { ANALYZE_SCOPE, analyzeScenarios } from "./analyze-scenarios.ts";
import { ANALYZE_EXAMPLE, SIMULATE_EXAMPLE } from "./examples.ts";
import * as schemas from "./schemas.ts";
import { simulateRebalance } from "./simulate-rebalance.ts";

type Options = Pick<Runtime, "config"> & { readonly operations: Operations };

const ANALYZE_ASYNC_SCOPE: IdempotencyScope = {
  name: "rebalance.analyze.async",
  inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_IN_RECORD,
};

const BATCH_TOO_LARGE = { status: 422, detail: "BATCH_TOO_LARGE" };

/** Discretionary rebalances: one, several side by side, and several later. */
export const rebalance: FeaturePlugin<Options> = async (app, options) => {
  app.post(
    "/rebalance/simulate",
    {
      schema: schemas.simulateRebalance,
      config: {
        scope: "rebalance:run",
        idempotencyKey: "required",
        problems: writeProblems(SIMULATE_SCOPE),
        bodyExample: SIMULATE_EXAMPLE,
      },
    },
    async ({ runtime, context, body }, reply) => {
      const caller = { ...keyed(context), policyPackId: selectedPack(runtime, context) };
      return reply.written(SIMULATE_SCOPE, await simulateRebalance(runtime, caller, body));
    },
  );

  app.post(
    "/rebalance/analyze",
    {
      schema: schemas.analyzeScenarios,
      config: {
        scope: "rebalance:run",
        problems: [...writeProblems(ANALYZE_SCOPE), BATCH_TOO_LARGE],
        bodyExample: ANALYZE_EXAMPLE,
      },
    },
    async ({ runtime, context, body }, reply) => {
      const caller = { ...context, policyPackId: selectedPack(runtime, context) };
      return reply.written(ANALYZE_SCOPE, await analyzeScenarios(runtime, caller, body));
    },
  );

  await app.register(asynchronousAnalysis, options);
};

const asynchronousAnalysis: FeaturePlugin<Options> = (app, options) => {
  const { areEnabled, executionMode: mode } = options.config.rebalance.operations;
  app.addHook("onRequest", switchedBy(areEnabled, "DPM_ASYNC_OPERATIONS_DISABLED"));

  app.post(
    "/rebalance/analyze/async",
    {
      schema: schemas.analyzeScenariosAsync,
      config: {
        scope: "rebalance:run",
        idempotencyKey: "relaxable",
        problems: writeProblems(ANALYZE_ASYNC_SCOPE),
        bodyExample: ANALYZE_EXAMPLE,
      },
    },
    async ({ runtime, context, body }, reply) => {
      const outcome = await acceptOperation({ ...runtime, mode, execution: options.operations }, context, {
        operation_type: "ANALYZE_SCENARIOS",
        scope: ANALYZE_ASYNC_SCOPE,
        recordScope: ANALYZE_ASYNC_SCOPE.name,
        request_text: body.text,
        request_hash: body.hash,
        proposal_id: null,
        created_by: null,
        policy_pack_id: selectedPack(runtime, context),
        acceptedText: dpmAcceptedText,
      });
      return reply.written(ANALYZE_ASYNC_SCOPE, outcome);
    },
  );

  return Promise.resolve();
};

function selectedPack({ config }: Runtime, context: RequestContext): string | null {
  return selectPolicyPack(config.rebalance.policyPacks, context).selected_policy_pack_id;
}
