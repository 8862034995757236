import type { Calculation } from "../../platform/threads.ts";
import { findFaults } from "./core/verification.ts";
import type { StoredEvidence } from "./repository/evidence.ts";
import type { RunVerificationFailure } from "./schemas.ts";

export type VerifyInput = {
  readonly tenantId: string;
  readonly evidence: StoredEvidence;
  readonly engineVersion: string;
};

/** Everything of a run that can be recomputed, from what is stored of it. */
export const VERIFY_RUN: Calculation<VerifyInput, readonly RunVerificationFailure[]> = {
  name: "verify a run",
  compute: ({ tenantId, evidence, engineVersion }) => findFaults(tenantId, evidence, engineVersion),
};

/**
 * An estimate of its work, in positions that are calculated once: some 700 characters of the documents are one, as they
 * are read, hashed and calculated again; a record that is hashed is half of one, and so are 1,000 characters of its text.
 */
export function costOfVerification({ payload, decisions, actionRecords }: StoredEvidence): number {
  const documents =
    payload === undefined ? [] : [payload.input_text, payload.request_text, payload.result_text];
  const records = [
    ...decisions.map(({ comment }) => comment),
    ...actionRecords.map(({ response_body }) => response_body),
  ];
  return (
    lengthOf([...documents, payload?.artifact_text ?? null]) / 700 +
    records.length / 2 +
    lengthOf(records) / 2_000
  );
}

function lengthOf(texts: readonly (string | null)[]): number {
  return texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}
