import type { Database } from "../platform/database/database.ts";
import type { Answer, OnceDeps, OnceOutcome } from "../platform/idempotency.ts";
import type { Ids } from "../platform/ids.ts";
import type { LifecycleRules, Refusal } from "./core.ts";

/** What the use cases of proposals stand on. */
export type ProposalDeps = {
  readonly once: OnceDeps;
  /** For reads that decide nothing and may lag behind: lists and lineage. */
  readonly replica: Database;
  readonly ids: Ids;
  readonly engineVersion: string;
  readonly rules: ProposalRules;
  /** A refusal as the caller gets it, in bytes, so that it can be stored with its key. */
  readonly problem: (caller: Caller, refusal: Refusal) => Answer;
  readonly onVersion: (status: string) => void;
};

export type ProposalRules = LifecycleRules & { readonly storesEvidenceBundle: boolean };

export type Caller = {
  readonly tenantId: string;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
  /** The path of the request, which a problem names. */
  readonly instance: string;
};

/** What a write comes to; `refused` is a fault of the request itself, which no key keeps. */
export type WriteOutcome = OnceOutcome | { readonly kind: "refused"; readonly refusal: Refusal };
