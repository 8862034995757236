import * as z from "zod";
import type { EngineOptions } from "../../contract/options.ts";
import type { RebalanceResult } from "../../contract/rebalance.ts";
import { identifier } from "../../contract/scalars.ts";
import { wireObject } from "../../contract/wire.ts";
import { notBefore } from "../../platform/clock.ts";
import { contentHash } from "../../platform/hash.ts";
import type { ProblemDetails } from "../../platform/http/problem.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { readStoredAs } from "../../platform/json/stored-json.ts";
import { DpmPolicyPackUpsertRequest, type DpmEffectivePolicyPackResolution } from "./schemas.ts";

/** One revision of a pack: what came into force, or, without a definition, that the pack was deleted. */
export type PackRevision = {
  readonly policy_pack_id: string;
  readonly revision: number;
  readonly version: string | null;
  /** Canonical JSON of the definition as it goes out. */
  readonly definition_text: string | null;
  readonly definition_hash: string | null;
  readonly valid_from: string;
  readonly correlation_id: string;
  /** Whom the token of the request names; null where there was none. */
  readonly authenticated_subject: string | null;
};

/** A revision with a definition: a pack that runs can be shaped by. */
export type StoredPack = PackRevision & {
  readonly version: string;
  readonly definition_text: string;
  readonly definition_hash: string;
};

export function isPack(revision: PackRevision | undefined): revision is StoredPack {
  return revision !== undefined && revision.definition_text !== null;
}

/** What a writer knows of the pack that it changes (RFC 9110, If-Match and If-None-Match); null: the header is absent. */
export type Preconditions = { readonly ifMatch: string | null; readonly ifNoneMatch: string | null };

/** What a write comes to. `unchanged`: the pack says this already, so a repetition adds nothing to its history. */
export type PackChange =
  | { readonly kind: "append"; readonly revision: PackRevision }
  | { readonly kind: "unchanged"; readonly pack: StoredPack }
  | { readonly kind: "precondition_failed" }
  | { readonly kind: "not_found" };

/** By which request a write happens, and when. */
export type WriteContext = {
  readonly correlationId: string;
  readonly authenticatedSubject: string | null;
  readonly now: Date;
};

/** Names one revision and its content; a write under an older tag is refused. */
export function entityTag(pack: StoredPack): string {
  return `"${String(pack.revision)}-${pack.definition_hash.slice("sha256:".length, "sha256:".length + 12)}"`;
}

/** What PUT does to a pack whose newest revision is `newest`. Pure; called under the lock of the pack. */
export function putPack(
  policyPackId: string,
  newest: PackRevision | undefined,
  definition: DpmPolicyPackUpsertRequest,
  preconditions: Preconditions,
  context: WriteContext,
): PackChange {
  if (!areMet(preconditions, newest)) return { kind: "precondition_failed" };
  const definitionText = canonicalJson({ ...definition, policy_pack_id: policyPackId });
  const definitionHash = contentHash(definitionText);
  if (isPack(newest) && newest.definition_hash === definitionHash) return { kind: "unchanged", pack: newest };
  const content = {
    version: definition.version,
    definition_text: definitionText,
    definition_hash: definitionHash,
  };
  return { kind: "append", revision: { ...nextRevision(policyPackId, newest, context), ...content } };
}

/** What DELETE does: the pack's history is closed, not erased. */
export function deletePack(
  policyPackId: string,
  newest: PackRevision | undefined,
  preconditions: Preconditions,
  context: WriteContext,
): PackChange {
  if (!isPack(newest)) return { kind: "not_found" };
  if (!areMet(preconditions, newest)) return { kind: "precondition_failed" };
  const nothing = { version: null, definition_text: null, definition_hash: null };
  return { kind: "append", revision: { ...nextRevision(policyPackId, newest, context), ...nothing } };
}

function areMet({ ifMatch, ifNoneMatch }: Preconditions, newest: PackRevision | undefined): boolean {
  const tag = isPack(newest) ? entityTag(newest) : null;
  // A weak tag is as good as a strong one to say what must not be there, and no good to say what must (RFC 9110, 13.1).
  const mustNotBe = ifNoneMatch === null ? null : ifNoneMatch.replaceAll("W/", "");
  return (ifMatch === null || names(ifMatch, tag)) && (mustNotBe === null || !names(mustNotBe, tag));
}

/** Whether a list of entity tags names this one; `*` names whatever there is. */
function names(list: string, tag: string | null): boolean {
  if (tag === null) return false;
  const tags = list.split(",").map((item) => item.trim());
  return tags.includes("*") || tags.includes(tag);
}

function nextRevision(policyPackId: string, newest: PackRevision | undefined, context: WriteContext) {
  return {
    policy_pack_id: policyPackId,
    revision: (newest?.revision ?? 0) + 1,
    valid_from: notBefore(newest?.valid_from, context.now),
    correlation_id: context.correlationId,
    authenticated_subject: context.authenticatedSubject,
  };
}

const StoredDefinition = wireObject({ policy_pack_id: identifier, ...DpmPolicyPackUpsertRequest.shape });

/** The definition of a stored pack, read through the contract that it passed; undefined where it was altered. */
export function readDefinition(definitionText: string): DpmPolicyPackUpsertRequest | undefined {
  return readStoredAs(StoredDefinition, definitionText);
}

/** A pack as runs are shaped by it: which one, and what it says. */
export type PolicyPack = Pick<StoredPack, "version" | "revision" | "definition_text" | "valid_from"> & {
  readonly id: string;
};

/** What runs are shaped by. `isPackMissing`: a pack was selected and does not exist, so they go on without and say so. */
export type PackInForce = { readonly policyPack: PolicyPack | undefined; readonly isPackMissing: boolean };

/** What a pack says. */
export function definitionOf(pack: PolicyPack): DpmPolicyPackUpsertRequest {
  const definition = readDefinition(pack.definition_text);
  if (definition === undefined) throw new Error(`policy pack ${pack.id} is stored in a form that is none`);
  return definition;
}

/** How this deployment selects packs. */
export type PolicySettings = {
  readonly areEnabled: boolean;
  /** Whether `defaultByTenant` is consulted. */
  readonly isTenantResolutionEnabled: boolean;
  readonly defaultByTenant: ReadonlyMap<string, string>;
  readonly defaultId: string | null;
  /** Whether a request is refused that names a pack which does not exist. */
  readonly refusesUnknown: boolean;
};

/** What a request says about packs; null where a header is absent. */
export type PolicyHeaders = {
  readonly tenantId: string;
  /** X-Policy-Pack-Id */
  readonly policyPackId: string | null;
  /** X-Tenant-Policy-Pack-Id */
  readonly tenantPolicyPackId: string | null;
};

/** Which pack is meant, whether or not it exists. The first that is named wins: request, tenant, deployment. */
export function selectPolicyPack(
  settings: PolicySettings,
  headers: PolicyHeaders,
): DpmEffectivePolicyPackResolution {
  if (!settings.areEnabled) return { enabled: false, selected_policy_pack_id: null, source: "DISABLED" };
  const mapped = settings.isTenantResolutionEnabled
    ? settings.defaultByTenant.get(headers.tenantId)
    : undefined;
  const candidates = [
    { id: headers.policyPackId, source: "REQUEST" },
    { id: headers.tenantPolicyPackId ?? mapped ?? null, source: "TENANT_DEFAULT" },
    { id: settings.defaultId, source: "GLOBAL_DEFAULT" },
  ] as const;
  const named = candidates.find(({ id }) => id !== null);
  return { enabled: true, selected_policy_pack_id: named?.id ?? null, source: named?.source ?? "NONE" };
}

/** The pack that a request selects, if any. `isRequired`: where it does not exist, the request is refused. */
export type PackSelection = { readonly id: string | null; readonly isRequired: boolean };

/** The same selection, for whoever looks for the pack. */
export function packSelection(settings: PolicySettings, headers: PolicyHeaders): PackSelection {
  const { selected_policy_pack_id: id, source } = selectPolicyPack(settings, headers);
  return { id, isRequired: source === "REQUEST" && settings.refusesUnknown };
}

/** A misspelt pack that is silently ignored is a lost limit. A default is not the caller's to spell: it is a warning. */
export const POLICY_PACK_UNKNOWN: ProblemDetails = {
  status: 422,
  detail: "DPM_POLICY_PACK_UNKNOWN",
  faults: [
    {
      part: "header",
      path: ["X-Policy-Pack-Id"],
      msg: "names no policy pack in force",
      code: "DPM_POLICY_PACK_UNKNOWN",
    },
  ],
};

/** The warning where a pack was selected that does not exist. */
export const POLICY_PACK_NOT_FOUND = "POLICY_PACK_NOT_FOUND";

/** The result of a run that goes on without the pack that was selected for it. */
export function warnOfMissingPack(result: RebalanceResult): RebalanceResult {
  const { diagnostics } = result;
  return {
    ...result,
    diagnostics: { ...diagnostics, warnings: [POLICY_PACK_NOT_FOUND, ...diagnostics.warnings] },
  };
}

const Warnings = z.object({ diagnostics: z.object({ warnings: z.array(z.string()) }) });

/** Whether a stored result says that its pack was missing: a fact of its moment, which no input tells. */
export function saysPackWasMissing(resultText: string): boolean {
  if (!resultText.includes(`"${POLICY_PACK_NOT_FOUND}"`)) return false;
  const warnings = readStoredAs(Warnings, resultText)?.diagnostics.warnings ?? [];
  return warnings.includes(POLICY_PACK_NOT_FOUND);
}

/**
 * The options in force: those of the request, overridden by what the pack says. Null in the pack means "leave"; the
 * group caps of the pack replace those of the request whole, unless it has none.
 */
export function applyPolicyPack(options: EngineOptions, pack: DpmPolicyPackUpsertRequest): EngineOptions {
  const { turnover_policy, tax_policy, settlement_policy, constraint_policy, workflow_policy } = pack;
  const rulesVersion = pack.rules_policy?.rules_version ?? options.rules_version;
  const hasGroupCaps = Object.keys(constraint_policy.group_constraints).length > 0;
  return {
    ...options,
    ...(rulesVersion === undefined ? {} : { rules_version: rulesVersion }),
    max_turnover_pct: turnover_policy.max_turnover_pct ?? options.max_turnover_pct,
    enable_tax_awareness: tax_policy.enable_tax_awareness ?? options.enable_tax_awareness,
    max_realized_capital_gains: tax_policy.max_realized_capital_gains ?? options.max_realized_capital_gains,
    enable_settlement_awareness:
      settlement_policy.enable_settlement_awareness ?? options.enable_settlement_awareness,
    settlement_horizon_days: settlement_policy.settlement_horizon_days ?? options.settlement_horizon_days,
    single_position_max_weight:
      constraint_policy.single_position_max_weight ?? options.single_position_max_weight,
    group_constraints: hasGroupCaps ? constraint_policy.group_constraints : options.group_constraints,
    enable_workflow_gates: workflow_policy.enable_workflow_gates ?? options.enable_workflow_gates,
    workflow_requires_client_consent:
      workflow_policy.workflow_requires_client_consent ?? options.workflow_requires_client_consent,
    client_consent_already_obtained:
      workflow_policy.client_consent_already_obtained ?? options.client_consent_already_obtained,
  };
}

/** Whether simulate replays a known key: the pack's word, else that of the deployment. */
export function replaysKeys(pack: DpmPolicyPackUpsertRequest | undefined, isReplayEnabled: boolean): boolean {
  return pack?.idempotency_policy.replay_enabled ?? isReplayEnabled;
}
