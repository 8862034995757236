import * as z from "zod";
import { personOf, personOrNull } from "../../../contract/person.ts";
import { canonicalJson } from "../../../platform/json/canonical-json.ts";
import { contentHash } from "../../../platform/hash.ts";
import { hashOfDecision, isSubmitter, REVIEW_TRANSITIONS, type RunDecision } from "../../reviews/core.ts";
import type { StoredEvidence, VerifiedActionRecord, VerifiedRun } from "../repository/evidence.ts";
import type { RunVerificationFailure } from "../schemas.ts";

/**
 * The review of a run: the chain of its decisions, and the stored answers that were given for them. A chain alone does
 * not show that its end was cut off; the answers do.
 */
export function findDecisionFaults(tenantId: string, evidence: StoredEvidence): RunVerificationFailure[] {
  return [...findChainFaults(tenantId, evidence), ...findActionFaults(evidence)];
}

function* findChainFaults(
  tenantId: string,
  { run, decisions }: StoredEvidence,
): Generator<RunVerificationFailure> {
  let previous: RunDecision | undefined;
  for (const decision of decisions) {
    const expectedNo = (previous?.decision_no ?? 0) + 1;
    if (decision.decision_no > expectedNo) {
      yield { kind: "decision", id: `decision_no ${String(expectedNo)}`, reason: "is missing" };
    }
    const reason =
      faultOfSeal(tenantId, decision, previous) ??
      faultOfMove(run, decision, previous) ??
      faultOfReviewer(run, decision);
    if (reason !== undefined) yield { kind: "decision", id: decision.decision_id, reason };
    previous = decision;
  }
}

function faultOfSeal(
  tenantId: string,
  decision: RunDecision,
  previous: RunDecision | undefined,
): string | undefined {
  if (hashOfDecision(tenantId, decision) !== decision.decision_hash) {
    return "its content does not give its decision_hash";
  }
  return decision.previous_hash === (previous?.decision_hash ?? null)
    ? undefined
    : "it does not carry the hash of the decision before it";
}

/** Of hash version 2 on. What version 1 did not know is not in its decisions. */
function faultOfReviewer(run: VerifiedRun, decision: RunDecision): string | undefined {
  const { authenticated_subject: subject, actor_folded, subject_folded, segregation_waived } = decision;
  if (decision.hash_version === 1) {
    const isOfItsTime = subject === null && actor_folded === null && !segregation_waived;
    return isOfItsTime ? undefined : "holds what the hash version of its time does not cover";
  }
  if (actor_folded !== personOf(decision.actor_id) || subject_folded !== personOrNull(subject)) {
    return "its folded names are not those of its actor and subject";
  }
  return isSubmitter(run, decision) && !segregation_waived ? "submitter reviewed" : undefined;
}

function faultOfMove(
  run: VerifiedRun,
  decision: RunDecision,
  previous: RunDecision | undefined,
): string | undefined {
  if (decision.run_correlation_id !== run.correlation_id) return "names another correlation_id of the run";
  if (decision.from_status !== (previous?.to_status ?? "PENDING_REVIEW")) {
    return "does not start where the decision before it ended";
  }
  if (REVIEW_TRANSITIONS[decision.from_status][decision.action] !== decision.to_status) {
    return "the review has no such transition";
  }
  if (previous !== undefined && decision.decided_at < previous.decided_at) {
    return "was taken before the decision before it";
  }
  return undefined;
}

function* findActionFaults({ decisions, actionRecords }: StoredEvidence): Generator<RunVerificationFailure> {
  const decisionById = new Map(decisions.map((decision) => [decision.decision_id, decision]));
  const answered = new Set<string>();
  for (const record of actionRecords) {
    if (record.response_status !== 200) continue;
    const decisionId = decisionOf(record);
    const decision = decisionId === undefined ? undefined : decisionById.get(decisionId);
    if (decision !== undefined) answered.add(decision.decision_id);
    else if (decisionId !== undefined) yield { kind: "decision", id: decisionId, reason: "is missing" };
    const reason = faultOfAction(record, decisionId, decision);
    if (reason !== undefined) yield { kind: "idempotency_record", id: record.idempotency_key, reason };
  }
  for (const { decision_id, idempotency_key } of decisions) {
    if (idempotency_key !== null && !answered.has(decision_id)) {
      yield { kind: "idempotency_record", id: idempotency_key, reason: `has no answer for ${decision_id}` };
    }
  }
}

const StoredAnswer = z.object({ latest_decision: z.object({ decision_id: z.string() }) });

/** The decision that a stored answer tells of. */
function decisionOf(record: VerifiedActionRecord): string | undefined {
  const answer = StoredAnswer.safeParse(parseJson(record.response_body));
  return answer.success ? answer.data.latest_decision.decision_id : undefined;
}

function parseJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

function faultOfAction(
  record: VerifiedActionRecord,
  decisionId: string | undefined,
  decision: RunDecision | undefined,
): string | undefined {
  if (decisionId === undefined) return "does not hold the answer of an action";
  if (decision === undefined) return undefined;
  if (decision.idempotency_key !== record.idempotency_key) return `is not the key of ${decisionId}`;
  const { action, actor_id, comment, reason_code } = decision;
  const payloadHash = contentHash(canonicalJson({ action, actor_id, comment, reason_code }));
  return record.payload_hash === payloadHash ? undefined : "its payload_hash is not of its action";
}
