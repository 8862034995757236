import type { EventualReads } from "../../platform/database/read-eventually.ts";
import { problemText } from "../../platform/http/problem.ts";
import type { OnceDeps, OnceOutcome, Written } from "../../platform/idempotency.ts";
import type { Ids } from "../../platform/ids.ts";
import { dependsOnState, type LifecycleRules, type Refusal } from "./core.ts";

/** What the use cases of proposals stand on. */
export type ProposalDeps = {
  readonly once: OnceDeps;
  /** For reads that decide nothing and may lag behind: lists and lineage. */
  readonly reads: EventualReads;
  readonly ids: Ids;
  readonly engineVersion: string;
  readonly rules: ProposalRules;
};

export type ProposalRules = LifecycleRules & { readonly storesEvidenceBundle: boolean };

export type Caller = {
  readonly tenantId: string;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
  /** The path of the request, which a problem names. */
  readonly instance: string;
};

/** Where the contract leaves no choice about the key. */
export type KeyedCaller = Caller & { readonly idempotencyKey: string };

/** What a write comes to; `refused` is a fault of the request itself, which no key keeps. */
export type WriteOutcome = OnceOutcome | { readonly kind: "refused"; readonly refusal: Refusal };

/** A refusal as the caller gets it, in bytes. What depended on the state is kept with its key. */
export function refused(caller: Caller, refusal: Refusal): Written {
  const answer = { status: refusal.status, body: problemText(caller, refusal) };
  return { answer, keep: dependsOnState(refusal) };
}
