import type { Capabilities } from "./schemas.ts";

/** The switches that it tells of. */
export type CapabilitySwitches = {
  readonly isProposalLifecycleEnabled: boolean;
  readonly areRunApisEnabled: boolean;
  readonly isRunReviewEnabled: boolean;
  readonly areAsyncOperationsEnabled: boolean;
};

export const SERVICE = "ballast";

export function featuresOf(switches: CapabilitySwitches): Capabilities["features"] {
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
export function workflowsOf(features: Capabilities["features"]): Capabilities["workflows"] {
  const enabled = new Set(features.filter((feature) => feature.enabled).map(({ key }) => key));
  return FEATURES_BY_WORKFLOW.map(([workflow_key, required_features]) => ({
    workflow_key,
    enabled: required_features.every((key) => enabled.has(key)),
    required_features: [...required_features],
  }));
}
