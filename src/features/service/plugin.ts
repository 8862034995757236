import type { FeaturePlugin } from "../../platform/http/validation.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import { featuresOf, SERVICE, workflowsOf } from "./core.ts";
import * as schemas from "./schemas.ts";
import type { Capabilities, Health, Liveness, Readiness } from "./schemas.ts";

type Options = {
  readonly runtime: Runtime;
  /** Whether requests can be served: database reachable, schema at the expected version. Must end by itself. */
  readonly checkReady: () => Promise<Readiness["checks"]>;
};

const NOT_READY = { status: 503, detail: "NOT_READY" } as const;
const RETRY_AFTER_SECONDS = 5;
/** Who watches over the service asks as often as it needs to. */
const PROBE = { scope: "public", rateLimit: false } as const;

/** What operators, orchestrators and consumers ask about the service itself. */
export const service: FeaturePlugin<Options> = (app, { runtime, checkReady }) => {
  const { log, metrics, engineVersion: version } = runtime;
  const metricsScope = runtime.config.auth.areMetricsPublic ? "public" : "metrics:read";
  const healthy = canonicalJson({ status: "ok", version } satisfies Health);
  const live = canonicalJson({ status: "live", version } satisfies Liveness);

  app.get("/health", { schema: schemas.getHealth, config: PROBE }, async (_request, reply) =>
    reply.answer(healthy),
  );
  app.get("/health/live", { schema: schemas.getLiveness, config: PROBE }, async (_request, reply) =>
    reply.answer(live),
  );

  app.get(
    "/health/ready",
    { schema: schemas.getReadiness, config: { ...PROBE, problems: [NOT_READY] } },
    async ({ context }, reply) => {
      const checks = await checkReady();
      if (checks.every(({ ok }) => ok)) {
        return reply.answer(canonicalJson({ status: "ready", checks } satisfies Readiness));
      }
      log.warn({ checks, correlationId: context.correlationId }, "not ready");
      return reply.problem({ ...NOT_READY, retryAfterSeconds: RETRY_AFTER_SECONDS });
    },
  );

  app.get(
    "/metrics",
    { schema: schemas.getMetrics, config: { scope: metricsScope } },
    async (_request, reply) => {
      const { registry } = metrics;
      return reply.type(registry.contentType).answer(await registry.metrics());
    },
  );

  app.get(
    "/integration/capabilities",
    { schema: schemas.getCapabilities, config: { scope: "authenticated" } },
    async ({ context, query }, reply) =>
      reply.answer(
        canonicalJson(capabilitiesOf(runtime, query.consumerSystem, query.tenantId ?? context.tenantId)),
      ),
  );

  return Promise.resolve();
};

function capabilitiesOf(
  { config, clock }: Runtime,
  consumerSystem: Capabilities["consumerSystem"],
  tenantId: string,
): Capabilities {
  const generatedAt = clock().toISOString();
  const features = featuresOf({
    isProposalLifecycleEnabled: config.proposals.isLifecycleEnabled,
    areRunApisEnabled: config.rebalance.areSupportApisEnabled,
    isRunReviewEnabled: config.rebalance.review.isEnabled,
    areAsyncOperationsEnabled: config.rebalance.operations.areEnabled,
  });
  return {
    contractVersion: "v1",
    sourceService: SERVICE,
    consumerSystem,
    tenantId,
    generatedAt,
    asOfDate: generatedAt.slice(0, "2026-01-01".length),
    policyVersion: config.contract.defaultRulesVersion,
    supportedInputModes: ["inline_bundle"],
    features,
    workflows: workflowsOf(features),
  };
}
