import { describe, expect, test } from "vitest";
import { featuresOf, workflowsOf, type CapabilitySwitches } from "../../../src/features/service/core.ts";
import { service } from "../../../src/features/service/plugin.ts";
import { Capabilities } from "../../../src/features/service/schemas.ts";
import { serve } from "../../support/http.ts";
import { runtimeWithoutDatabase } from "../../support/runtime.ts";

const ALL_ON: CapabilitySwitches = {
  isProposalLifecycleEnabled: true,
  areRunApisEnabled: true,
  isRunReviewEnabled: true,
  areAsyncOperationsEnabled: true,
};

/** What a deployment answers. */
async function ask(query = "", headers: Readonly<Record<string, string>> = {}) {
  const runtime = runtimeWithoutDatabase({}, () => new Date("2026-03-01T23:59:59.500Z"));
  const app = await serve(async (api) => {
    await api.register(service, { runtime, checkReady: () => Promise.resolve([]) });
  });
  const response = await app.inject({ url: `/integration/capabilities${query}`, headers });
  await app.close();
  return { status: response.statusCode, json: response.json<unknown>() };
}

function enabled(switches: Partial<CapabilitySwitches>): string[] {
  const features = featuresOf({ ...ALL_ON, ...switches });
  return [
    ...features.flatMap(({ key, enabled: isOn }) => (isOn ? [key] : [])),
    ...workflowsOf(features).flatMap(({ workflow_key, enabled: isOn }) => (isOn ? [workflow_key] : [])),
  ];
}

const EVERYTHING = [
  "dpm.proposals.lifecycle",
  "dpm.support.run_apis",
  "dpm.workflow.approval_gates",
  "dpm.analysis.async",
  "dpm.execution.stateless_inline_bundle",
  "proposal_lifecycle",
  "proposal_approval_flow",
  "rebalance_async_analysis",
  "execution_stateless_inline_bundle",
];

describe("capabilities", () => {
  test("say who asked, for which tenant and when", async () => {
    const asked = await ask("?consumerSystem=PA&tenantId=bank-a", { "x-tenant-id": "bank-b" });
    expect(Capabilities.parse(asked.json)).toMatchObject({
      contractVersion: "v1",
      sourceService: "ballast",
      consumerSystem: "PA",
      tenantId: "bank-a",
      generatedAt: "2026-03-01T23:59:59.500Z",
      asOfDate: "2026-03-01",
      policyVersion: "1",
      supportedInputModes: ["inline_bundle"],
    });
    const unnamed = await ask("", { "x-tenant-id": "bank-b" });
    expect(Capabilities.parse(unnamed.json)).toMatchObject({ consumerSystem: "UNKNOWN", tenantId: "bank-b" });
    expect((await ask("?consumerSystem=pa")).status).toBe(422);
  });

  test.each<[keyof CapabilitySwitches | "none", readonly string[]]>([
    ["none", []],
    [
      "isProposalLifecycleEnabled",
      ["dpm.proposals.lifecycle", "proposal_lifecycle", "proposal_approval_flow"],
    ],
    ["areRunApisEnabled", ["dpm.support.run_apis"]],
    ["isRunReviewEnabled", ["dpm.workflow.approval_gates", "proposal_approval_flow"]],
    ["areAsyncOperationsEnabled", ["dpm.analysis.async", "rebalance_async_analysis"]],
  ])("with %s off, exactly what depends on it is off", (name, off) => {
    const on = enabled(name === "none" ? {} : { [name]: false });
    expect(on).toEqual(EVERYTHING.filter((key) => !off.includes(key)));
  });
});
