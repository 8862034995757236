import * as z from "zod";
import { identifier, Timestamp } from "../../contract/scalars.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Clock } from "../../platform/clock.ts";
import { filters } from "../../platform/http/filters.ts";
import { route, type Route } from "../../platform/http/route.ts";

const ConsumerSystem = z.enum(["BFF", "PA", "DPM", "UI", "UNKNOWN"]);

/** What this deployment offers. The names follow the consumers of this answer, hence camel case. */
export const Capabilities = z
  .strictObject({
    contractVersion: z.literal("v1"),
    sourceService: z.string(),
    consumerSystem: ConsumerSystem,
    tenantId: z.string(),
    generatedAt: Timestamp,
    asOfDate: z.string().meta({ format: "date" }),
    /** The version of the rules that results are made by, as their lineage states it. */
    policyVersion: z.string(),
    supportedInputModes: z.array(z.literal("inline_bundle")),
    features: z.array(
      z.strictObject({
        key: z.string(),
        enabled: z.boolean(),
        owner_service: z.string(),
        description: z.string(),
      }),
    ),
    workflows: z.array(
      z.strictObject({
        workflow_key: z.string(),
        enabled: z.boolean(),
        required_features: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: "Capabilities" });
export type Capabilities = z.output<typeof Capabilities>;

/** The switches that it tells of. */
export type CapabilitySwitches = {
  readonly isProposalLifecycleEnabled: boolean;
  readonly areRunApisEnabled: boolean;
  readonly isRunReviewEnabled: boolean;
  readonly areAsyncOperationsEnabled: boolean;
};

export type CapabilityDeps = {
  readonly clock: Clock;
  readonly policyVersion: string;
  readonly switches: CapabilitySwitches;
};

const SERVICE = "ballast";

function featuresOf(switches: CapabilitySwitches): Capabilities["features"] {
  const feature = (key: string, enabled: boolean, description: string) => ({
    key,
    enabled,
    owner_service: SERVICE,
    description,
  });
  return [
    feature(
      "dpm.proposals.lifecycle",
      switches.isProposalLifecycleEnabled,
      "Advisory proposals from draft to execution, with versions, approvals and evidence.",
    ),
    feature(
      "dpm.support.run_apis",
      switches.areRunApisEnabled,
      "Look-up, list, reproduction and verification of runs.",
    ),
    feature("dpm.workflow.approval_gates", switches.isRunReviewEnabled, "Review of runs before they go on."),
    feature(
      "dpm.analysis.async",
      switches.areAsyncOperationsEnabled,
      "What-if analysis as an operation that is done later, once.",
    ),
    feature(
      "dpm.execution.stateless_inline_bundle",
      true,
      "Simulation from a request that holds everything it needs.",
    ),
  ];
}

const FEATURES_BY_WORKFLOW = [
  ["proposal_lifecycle", ["dpm.proposals.lifecycle"]],
  ["proposal_approval_flow", ["dpm.proposals.lifecycle", "dpm.workflow.approval_gates"]],
  ["rebalance_async_analysis", ["dpm.analysis.async"]],
  ["execution_stateless_inline_bundle", ["dpm.execution.stateless_inline_bundle"]],
] as const;

/** A workflow is on where everything that it needs is on. */
function workflowsOf(features: Capabilities["features"]): Capabilities["workflows"] {
  const enabled = new Set(features.filter((feature) => feature.enabled).map(({ key }) => key));
  return FEATURES_BY_WORKFLOW.map(([workflow_key, required_features]) => ({
    workflow_key,
    enabled: required_features.every((key) => enabled.has(key)),
    required_features: [...required_features],
  }));
}

export function capabilityRoutes({ clock, policyVersion, switches }: CapabilityDeps): Route[] {
  const features = featuresOf(switches);
  const workflows = workflowsOf(features);
  const capabilities = route({
    method: "GET",
    path: "/integration/capabilities",
    operationId: "getCapabilities",
    tag: "Service",
    summary: "What this deployment offers, as its switches are set",
    query: filters({ consumerSystem: ConsumerSystem.default("UNKNOWN"), tenantId: identifier.optional() }),
    answers: { 200: { description: "Features and workflows.", schema: Capabilities } },
    handle: ({ context, query }) => {
      const generatedAt = clock().toISOString();
      const answer: Capabilities = {
        contractVersion: "v1",
        sourceService: SERVICE,
        consumerSystem: query.consumerSystem,
        tenantId: query.tenantId ?? context.tenantId,
        generatedAt,
        asOfDate: generatedAt.slice(0, "2026-01-01".length),
        policyVersion,
        supportedInputModes: ["inline_bundle"],
        features,
        workflows,
      };
      return Promise.resolve({ status: 200, body: canonicalJson(answer) });
    },
  });
  return [capabilities];
}
