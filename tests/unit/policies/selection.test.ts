import { describe, expect, test } from "vitest";
import { selectPolicyPack, type PolicySettings } from "../../../src/features/policies/core.ts";

const SETTINGS: PolicySettings = {
  areEnabled: true,
  isTenantResolutionEnabled: true,
  defaultByTenant: new Map([["mapped", "from-map"]]),
  defaultId: "global",
  refusesUnknown: true,
};

function select(
  headers: { tenantId?: string; requested?: string; tenantDefault?: string },
  change: Partial<PolicySettings> = {},
) {
  const {
    tenantId = "mapped",
    requested: policyPackId = null,
    tenantDefault: tenantPolicyPackId = null,
  } = headers;
  const selection = selectPolicyPack(
    { ...SETTINGS, ...change },
    { tenantId, policyPackId, tenantPolicyPackId },
  );
  return `${selection.source} ${selection.selected_policy_pack_id ?? "-"}`;
}

describe("the first that names a pack selects it", () => {
  test.each([
    [{ requested: "mine", tenantDefault: "header" }, {}, "REQUEST mine"],
    [{ tenantDefault: "header" }, {}, "TENANT_DEFAULT header"],
    [{}, {}, "TENANT_DEFAULT from-map"],
    [{ tenantId: "unmapped" }, {}, "GLOBAL_DEFAULT global"],
    [{ tenantId: "unmapped" }, { defaultId: null }, "NONE -"],
    [{ tenantId: "__proto__" }, {}, "GLOBAL_DEFAULT global"],
    [{}, { isTenantResolutionEnabled: false }, "GLOBAL_DEFAULT global"],
    [{ tenantDefault: "header" }, { isTenantResolutionEnabled: false }, "TENANT_DEFAULT header"],
    [{ requested: "mine" }, { areEnabled: false }, "DISABLED -"],
  ])("%j under %j: %s", (names, change, expected) => {
    expect(select(names, change)).toBe(expected);
  });
});

test("switched off, nothing is enabled", () => {
  const names = { tenantId: "mapped", policyPackId: "mine", tenantPolicyPackId: null };
  expect(selectPolicyPack({ ...SETTINGS, areEnabled: false }, names)).toEqual({
    enabled: false,
    selected_policy_pack_id: null,
    source: "DISABLED",
  });
});
