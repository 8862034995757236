import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { contentHash } from "../../platform/hash.ts";
import type { DpmPolicyPackUpsertRequest } from "./schemas.ts";

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

/** Where and when a write happens. */
export type WriteContext = { readonly correlationId: string; readonly now: Date };

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
  if (!holds(preconditions, newest)) return { kind: "precondition_failed" };
  const definitionText = canonicalJson({ ...definition, policy_pack_id: policyPackId });
  const definitionHash = contentHash(definitionText);
  if (isPack(newest) && newest.definition_hash === definitionHash) return { kind: "unchanged", pack: newest };
  const content = {
    version: definition.version,
    definition_text: definitionText,
    definition_hash: definitionHash,
  };
  return { kind: "append", revision: { ...follow(policyPackId, newest, context), ...content } };
}

/** What DELETE does: the pack's history is closed, not erased. */
export function deletePack(
  policyPackId: string,
  newest: PackRevision | undefined,
  preconditions: Preconditions,
  context: WriteContext,
): PackChange {
  if (!isPack(newest)) return { kind: "not_found" };
  if (!holds(preconditions, newest)) return { kind: "precondition_failed" };
  const nothing = { version: null, definition_text: null, definition_hash: null };
  return { kind: "append", revision: { ...follow(policyPackId, newest, context), ...nothing } };
}

function holds({ ifMatch, ifNoneMatch }: Preconditions, newest: PackRevision | undefined): boolean {
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

function follow(policyPackId: string, newest: PackRevision | undefined, context: WriteContext) {
  const now = context.now.toISOString();
  return {
    policy_pack_id: policyPackId,
    revision: (newest?.revision ?? 0) + 1,
    // The clocks of two processes may differ; the time within one history does not run backwards.
    valid_from: newest !== undefined && newest.valid_from > now ? newest.valid_from : now,
    correlation_id: context.correlationId,
  };
}
