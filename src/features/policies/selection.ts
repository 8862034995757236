import type { DpmEffectivePolicyPackResolution } from "./schemas.ts";

/** How this deployment selects packs. */
export type PolicySettings = {
  readonly areEnabled: boolean;
  /** Whether `defaultByTenant` is consulted. */
  readonly isTenantResolutionEnabled: boolean;
  readonly defaultByTenant: ReadonlyMap<string, string>;
  readonly defaultId: string | null;
};

/** What the caller says about packs; null where a header is absent. */
export type PolicyNames = {
  readonly tenantId: string;
  /** X-Policy-Pack-Id */
  readonly requested: string | null;
  /** X-Tenant-Policy-Pack-Id */
  readonly tenantDefault: string | null;
};

/** Which pack is meant, whether or not it exists. The first that is named wins: request, tenant, deployment. */
export function selectPolicyPack(
  settings: PolicySettings,
  names: PolicyNames,
): DpmEffectivePolicyPackResolution {
  if (!settings.areEnabled) return { enabled: false, selected_policy_pack_id: null, source: "DISABLED" };
  const mapped = settings.isTenantResolutionEnabled
    ? settings.defaultByTenant.get(names.tenantId)
    : undefined;
  const candidates = [
    { id: names.requested, source: "REQUEST" },
    { id: names.tenantDefault ?? mapped ?? null, source: "TENANT_DEFAULT" },
    { id: settings.defaultId, source: "GLOBAL_DEFAULT" },
  ] as const;
  const named = candidates.find(({ id }) => id !== null);
  return { enabled: true, selected_policy_pack_id: named?.id ?? null, source: named?.source ?? "NONE" };
}
