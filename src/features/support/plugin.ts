import type { FastifyReply } from "fastify";
import { OVERLOADED } from "../../platform/http/failures.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import { MISSING_RUN, missingRunProblems, RUN_PATHS } from "../runs/run-paths.ts";
import { readLineage } from "./read-lineage.ts";
import { readSummary } from "./read-summary.ts";
import { readSupportBundle, type BundleOutcome } from "./read-support-bundle.ts";
import * as schemas from "./schemas.ts";
import { verifyRun } from "./verify-run.ts";

type Options = Pick<Runtime, "config">;

const RUN_NOT_FOUND = MISSING_RUN.run_not_found;
const OPERATION_NOT_FOUND = { status: 404, detail: "DPM_ASYNC_OPERATION_NOT_FOUND" } as const;

/** For those who look after the service: what belongs together, how much there is, and whether it still fits. */
export const support: FeaturePlugin<Options> = async (app, options) => {
  await app.register(lineage, options);
  await app.register(summary, options);
  await app.register(runSupport, options);
};

const lineage: FeaturePlugin<Options> = (app, options) => {
  const { areLineageApisEnabled } = options.config.rebalance;
  switchGroup(app, areLineageApisEnabled, "DPM_LINEAGE_APIS_DISABLED");

  app.get(
    "/rebalance/lineage/:entity_id",
    { schema: schemas.getLineage, config: { scope: "rebalance:read" } },
    async ({ runtime, context: { tenantId }, params: { entity_id }, query }, reply) => {
      const { limit, cursor: after, ...filters } = query;
      const page = { tenantId, after, limit };
      return reply.answer(canonicalJson(await readLineage(runtime.reads, entity_id, filters, page)));
    },
  );

  return Promise.resolve();
};

const summary: FeaturePlugin<Options> = (app, options) => {
  const { areSummaryApisEnabled } = options.config.rebalance;
  switchGroup(app, areSummaryApisEnabled, "DPM_SUPPORTABILITY_SUMMARY_APIS_DISABLED");

  app.get(
    "/rebalance/supportability/summary",
    { schema: schemas.getSupportabilitySummary, config: { scope: "rebalance:read" } },
    async ({ runtime, context }, reply) =>
      reply.answer(canonicalJson(await readSummary(runtime, context.tenantId))),
  );

  return Promise.resolve();
};

/** What a bundle or a verification shows, the run lookups show: they are off together. */
const runSupport: FeaturePlugin<Options> = async (app, options) => {
  const { areSupportApisEnabled } = options.config.rebalance;
  switchGroup(app, areSupportApisEnabled, "DPM_SUPPORT_APIS_DISABLED");

  await app.register(bundles, options);

  app.get(
    "/rebalance/runs/:rebalance_run_id/verify",
    { schema: schemas.verifyRun, config: { scope: "rebalance:read", problems: [RUN_NOT_FOUND, OVERLOADED] } },
    async ({ runtime, context, params }, reply) => {
      const verification = await verifyRun(runtime, context.tenantId, params.rebalance_run_id);
      if (verification === undefined) return reply.problem(RUN_NOT_FOUND);
      return reply.answer(canonicalJson(verification));
    },
  );
};

const bundles: FeaturePlugin<Options> = (app, options) => {
  const { areSupportBundleApisEnabled } = options.config.rebalance;
  switchGroup(app, areSupportBundleApisEnabled, "DPM_SUPPORT_BUNDLE_APIS_DISABLED");

  for (const runPath of RUN_PATHS) {
    const { by, path } = runPath;
    app.get(
      `${path}/support-bundle`,
      {
        schema: schemas.getSupportBundle(runPath),
        config: { scope: "rebalance:read", problems: [...missingRunProblems(runPath), OVERLOADED] },
      },
      async ({ runtime, context, params, query }, reply) =>
        sendBundle(
          reply,
          await readSupportBundle(runtime, context.tenantId, { by, value: params[by] }, query),
        ),
    );
  }

  app.get(
    "/rebalance/runs/by-operation/:operation_id/support-bundle",
    {
      schema: schemas.getSupportBundleByOperation,
      config: { scope: "rebalance:read", problems: [OPERATION_NOT_FOUND, RUN_NOT_FOUND, OVERLOADED] },
    },
    async ({ runtime, context, params, query }, reply) => {
      const key = { by: "operation_id", value: params.operation_id } as const;
      return sendBundle(reply, await readSupportBundle(runtime, context.tenantId, key, query));
    },
  );

  return Promise.resolve();
};

function sendBundle(reply: FastifyReply, bundle: BundleOutcome): FastifyReply {
  switch (bundle.kind) {
    case "found":
      return reply.answer(bundle.value);
    case "operation_not_found":
      return reply.problem(OPERATION_NOT_FOUND);
    default:
      return reply.problem(MISSING_RUN[bundle.kind]);
  }
}
