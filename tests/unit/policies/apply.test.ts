import * as z from "zod";
import { describe, expect, test } from "vitest";
import { EngineOptions } from "../../../src/contract/options.ts";
import { canonicalJson } from "../../../src/platform/json/canonical-json.ts";
import { readStored } from "../../../src/platform/json/stored-json.ts";
import { applyPolicyPack, replaysKeys } from "../../../src/features/policies/core.ts";
import { DpmPolicyPackUpsertRequest } from "../../../src/features/policies/schemas.ts";

function pack(policies: Readonly<Record<string, unknown>> = {}): DpmPolicyPackUpsertRequest {
  return readStored(DpmPolicyPackUpsertRequest, JSON.stringify({ version: "1", ...policies }));
}

function options(given: Readonly<Record<string, unknown>> = {}): EngineOptions {
  return readStored(EngineOptions, JSON.stringify(given));
}

/** The options that the pack changed, as they are spelled. */
function changes(given: Readonly<Record<string, unknown>>, policies: Readonly<Record<string, unknown>>) {
  const before = options(given);
  const asText = (value: EngineOptions) =>
    z.record(z.string(), z.unknown()).parse(JSON.parse(canonicalJson(value)));
  const [was, is] = [asText(before), asText(applyPolicyPack(before, pack(policies)))];
  expect(Object.keys(is)).toEqual(Object.keys(was));
  return Object.fromEntries(
    Object.entries(is).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(was[name])),
  );
}

test("a pack that says nothing leaves every option", () => {
  const given = { max_turnover_pct: "0.3", group_constraints: { "sector:IT": { max_weight: "0.2" } } };
  expect(changes(given, {})).toEqual({});
});

describe("each policy overrides its option and no other", () => {
  test.each([
    ["turnover_policy", { max_turnover_pct: "0.15" }],
    ["tax_policy", { enable_tax_awareness: true }],
    ["tax_policy", { max_realized_capital_gains: "2500" }],
    ["settlement_policy", { enable_settlement_awareness: true }],
    ["settlement_policy", { settlement_horizon_days: 3 }],
    ["constraint_policy", { single_position_max_weight: "0.1" }],
    ["constraint_policy", { group_constraints: { "sector:IT": { max_weight: "0.2" } } }],
    ["workflow_policy", { enable_workflow_gates: false }],
    ["workflow_policy", { workflow_requires_client_consent: true }],
    ["workflow_policy", { client_consent_already_obtained: true }],
  ])("%s %j", (policy, change) => {
    expect(changes({}, { [policy]: change })).toEqual(change);
  });
});

test("a pack can switch off and set to zero: only null means leave", () => {
  const given = { enable_tax_awareness: true, max_turnover_pct: "0.5", settlement_horizon_days: 4 };
  const policies = {
    tax_policy: { enable_tax_awareness: false },
    turnover_policy: { max_turnover_pct: "0" },
    settlement_policy: { settlement_horizon_days: 0 },
  };
  expect(changes(given, policies)).toEqual({
    enable_tax_awareness: false,
    max_turnover_pct: "0",
    settlement_horizon_days: 0,
  });
});

test("the group caps of a pack replace those of the request whole; none at all leave them", () => {
  const given = { group_constraints: { "sector:IT": { max_weight: "0.2" } } };
  const caps = { "region:EU": { max_weight: "0.4" } };
  expect(changes(given, { constraint_policy: { group_constraints: caps } })).toEqual({
    group_constraints: caps,
  });
  expect(changes(given, { constraint_policy: { group_constraints: {} } })).toEqual({});
});

test("the options of the request are not touched", () => {
  const before = options({ max_turnover_pct: "0.5" });
  const text = canonicalJson(before);
  applyPolicyPack(before, pack({ turnover_policy: { max_turnover_pct: "0.1" } }));
  expect(canonicalJson(before)).toBe(text);
});

test.each([
  [undefined, true, true],
  [undefined, false, false],
  [null, false, false],
  [true, false, true],
  [false, true, false],
])("replay: the pack says %s, the deployment %s → %s", (said, deployment, expected) => {
  const shaped = said === undefined ? undefined : pack({ idempotency_policy: { replay_enabled: said } });
  expect(replaysKeys(shaped, deployment)).toBe(expected);
});
