import type { FastifyReply } from "fastify";
import { keyed, type RequestContext } from "../../platform/http/context.ts";
import { writeProblems } from "../../platform/http/idempotent-reply.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import type { IdempotencyScope } from "../../platform/idempotency/repository.ts";
import type { WriteOutcome } from "../../platform/idempotency/write.ts";
import type { Runtime } from "../../runtime.ts";
import type { Operations } from "../operations/operations.ts";
import { packSelection, POLICY_PACK_UNKNOWN, type PackSelection } from "../policies/core.ts";
import { SIMULATE_SCOPE } from "../runs/repository.ts";
import { acceptAnalysis, ANALYZE_ASYNC_SCOPE } from "./accept-analysis.ts";
import { ANALYZE_SCOPE, analyzeScenarios } from "./analyze-scenarios.ts";
import { ANALYZE_EXAMPLE, SIMULATE_EXAMPLE } from "./examples.ts";
import type { UnknownPack } from "./look-ahead.ts";
import * as schemas from "./schemas.ts";
import { simulateRebalance } from "./simulate-rebalance.ts";

type Options = Pick<Runtime, "config"> & { readonly operations: Operations };

const BATCH_TOO_LARGE = { status: 422, detail: "BATCH_TOO_LARGE" } as const;

/** Discretionary rebalances: one, several side by side, and several later. */
export const rebalance: FeaturePlugin<Options> = async (app, options) => {
  app.post(
    "/rebalance/simulate",
    {
      schema: schemas.simulateRebalance,
      links: { 200: schemas.RUN_LINKS },
      config: {
        scope: "rebalance:run",
        idempotencyKey: "required",
        problems: [...writeProblems(SIMULATE_SCOPE), POLICY_PACK_UNKNOWN],
        bodyExample: SIMULATE_EXAMPLE,
      },
    },
    async ({ runtime, context, body }, reply) => {
      const caller = { ...keyed(context), selection: selectedPack(runtime, context) };
      return send(reply, SIMULATE_SCOPE, await simulateRebalance(runtime, caller, body));
    },
  );

  app.post(
    "/rebalance/analyze",
    {
      schema: schemas.analyzeScenarios,
      config: {
        scope: "rebalance:run",
        problems: [...writeProblems(ANALYZE_SCOPE), BATCH_TOO_LARGE, POLICY_PACK_UNKNOWN],
        bodyExample: ANALYZE_EXAMPLE,
      },
    },
    async ({ runtime, context, body }, reply) => {
      const caller = { ...context, selection: selectedPack(runtime, context) };
      return send(reply, ANALYZE_SCOPE, await analyzeScenarios(runtime, caller, body));
    },
  );

  await app.register(asynchronousAnalysis, options);
};

const asynchronousAnalysis: FeaturePlugin<Options> = (app, options) => {
  const { areEnabled, executionMode: mode } = options.config.rebalance.operations;
  switchGroup(app, areEnabled, "DPM_ASYNC_OPERATIONS_DISABLED");

  app.post(
    "/rebalance/analyze/async",
    {
      schema: schemas.analyzeScenariosAsync,
      links: { 202: schemas.OPERATION_LINKS },
      config: {
        scope: "rebalance:run",
        idempotencyKey: "relaxable",
        problems: [...writeProblems(ANALYZE_ASYNC_SCOPE), POLICY_PACK_UNKNOWN],
        bodyExample: ANALYZE_EXAMPLE,
      },
    },
    async ({ runtime, context, body }, reply) => {
      const deps = { ...runtime, mode, execution: options.operations };
      const caller = { ...context, selection: selectedPack(runtime, context) };
      return send(reply, ANALYZE_ASYNC_SCOPE, await acceptAnalysis(deps, caller, body));
    },
  );

  return Promise.resolve();
};

function selectedPack({ config }: Runtime, context: RequestContext): PackSelection {
  return packSelection(config.rebalance.policyPacks, context);
}

function send(
  reply: FastifyReply,
  scope: IdempotencyScope,
  outcome: WriteOutcome<unknown> | UnknownPack,
): FastifyReply {
  if (outcome.kind === "unknown_policy_pack") return reply.problem(POLICY_PACK_UNKNOWN);
  return reply.written(scope, outcome);
}
