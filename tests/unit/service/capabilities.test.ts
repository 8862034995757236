import { describe, expect, test } from "vitest";
import { readRequest } from "../../../src/platform/http/read-request.ts";
import { readContext } from "../../../src/platform/http/context.ts";
import {
  Capabilities,
  capabilityRoutes,
  type CapabilitySwitches,
} from "../../../src/features/service/capabilities.ts";

const ALL_ON: CapabilitySwitches = {
  isProposalLifecycleEnabled: true,
  areRunApisEnabled: true,
  isRunReviewEnabled: true,
  areAsyncOperationsEnabled: true,
};

/** What a deployment with these switches answers. */
async function ask(
  switches: Partial<CapabilitySwitches> = {},
  query: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
) {
  const [capabilities] = capabilityRoutes({
    clock: () => new Date("2026-03-01T23:59:59.500Z"),
    policyVersion: "7",
    switches: { ...ALL_ON, ...switches },
  });
  if (capabilities === undefined) throw new Error("no route");
  const raw = {
    ...readContext(headers, capabilities.path),
    params: {},
    query,
    body: null,
    contentType: undefined,
    contentEncoding: undefined,
  };
  const request = readRequest(capabilities, raw, {
    unknownFields: "refuse",
    requireIdempotencyKey: "all",
  });
  if (!request.ok) return request.problem;
  const { body } = await capabilities.handle(request.input);
  return Capabilities.parse(JSON.parse(body ?? ""));
}

async function enabled(switches: Partial<CapabilitySwitches>): Promise<string[]> {
  const answer = await ask(switches);
  if (!("features" in answer)) throw new Error("refused");
  return [
    ...answer.features.flatMap(({ key, enabled: isOn }) => (isOn ? [key] : [])),
    ...answer.workflows.flatMap(({ workflow_key, enabled: isOn }) => (isOn ? [workflow_key] : [])),
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
    const query = { consumerSystem: "PA", tenantId: "bank-a" };
    expect(await ask({}, query, { "x-tenant-id": "bank-b" })).toMatchObject({
      contractVersion: "v1",
      sourceService: "ballast",
      consumerSystem: "PA",
      tenantId: "bank-a",
      generatedAt: "2026-03-01T23:59:59.500Z",
      asOfDate: "2026-03-01",
      policyVersion: "7",
      supportedInputModes: ["inline_bundle"],
    });
    expect(await ask({}, {}, { "x-tenant-id": "bank-b" })).toMatchObject({
      consumerSystem: "UNKNOWN",
      tenantId: "bank-b",
    });
    expect(await ask({}, { consumerSystem: "pa" })).toMatchObject({ status: 422 });
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
  ])("with %s off, exactly what depends on it is off", async (name, off) => {
    const on = await enabled(name === "none" ? {} : { [name]: false });
    expect(on).toEqual(EVERYTHING.filter((key) => !off.includes(key)));
  });
});
