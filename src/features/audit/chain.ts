/** The chain of what concerns all tenants. No tenant has this name: in theirs, there is no blank. */
export const DEPLOYMENT = "the deployment";

export type AuditChain = "TENANT" | "DEPLOYMENT";

/** The chains that the readers of a tenant see: that of the deployment which it is in, and its own. */
export function chainsOf(tenantId: string): readonly string[] {
  return [DEPLOYMENT, tenantId];
}

export function chainOf(tenantId: string): AuditChain {
  return tenantId === DEPLOYMENT ? "DEPLOYMENT" : "TENANT";
}
