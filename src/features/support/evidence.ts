import type { Decision } from "../reviews/core.ts";

export type VerifiedRun = {
  readonly rebalance_run_id: string;
  readonly correlation_id: string;
  readonly request_hash: string;
  readonly idempotency_key: string | null;
  readonly portfolio_id: string;
  readonly status: string;
  readonly batch_run_id: string | null;
  readonly policy_pack_id: string | null;
  readonly policy_pack_version: string | null;
  readonly policy_pack_revision: number | null;
  readonly engine_version: string;
  readonly input_hash: string;
  readonly result_hash: string;
  readonly created_at: string;
};

export type VerifiedPayload = {
  readonly input_text: string;
  readonly request_text: string | null;
  readonly result_text: string;
  readonly artifact_text: string | null;
};

export type VerifiedPack = {
  readonly policy_pack_id: string;
  readonly revision: number;
  readonly version: string | null;
  readonly definition_text: string | null;
  readonly definition_hash: string | null;
};

export type VerifiedEdge = {
  readonly source_entity_id: string;
  readonly edge_type: string;
  readonly target_entity_id: string;
  readonly created_at: string;
  readonly metadata: Readonly<Record<string, unknown>>;
};

/** The record of the run's key. One that is not replayed points to the newest of its runs. */
export type VerifiedKeyRecord = {
  readonly idempotency_key: string;
  readonly payload_hash: string;
  readonly response_status: number;
  readonly rebalance_run_id: string | null;
  readonly is_later_run_of_key: boolean;
};

export type VerifiedHistoryItem = {
  readonly idempotency_key: string;
  readonly correlation_id: string;
  readonly request_hash: string;
  readonly created_at: string;
};

/** The stored answer of an action on the run's review. */
export type VerifiedActionRecord = {
  readonly idempotency_key: string;
  readonly payload_hash: string;
  readonly response_status: number;
  readonly response_body: string | null;
};

/** Everything that is stored of a run. */
export type StoredEvidence = {
  readonly run: VerifiedRun;
  readonly payload: VerifiedPayload | undefined;
  readonly policyPack: VerifiedPack | undefined;
  readonly edges: readonly VerifiedEdge[];
  readonly keyRecord: VerifiedKeyRecord | undefined;
  readonly history: readonly VerifiedHistoryItem[];
  readonly decisions: readonly Decision[];
  readonly actionRecords: readonly VerifiedActionRecord[];
};
