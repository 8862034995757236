import type { RunStatus } from "../../contract/rules.ts";
import { personOf, personOrNull } from "../../contract/person.ts";
import { notBefore } from "../../platform/clock.ts";
import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type {
  DpmRunWorkflowActionRequest,
  DpmRunWorkflowDecisionResponse,
  DpmRunWorkflowResponse,
  WorkflowAction,
} from "./schemas.ts";

/** The state of the review of a run that needs one. */
export type ReviewStatus = "PENDING_REVIEW" | "APPROVED" | "REJECTED";

/** What each action makes of each status; what is not here is refused. The same table is a check on `run_decision`. */
export const REVIEW_TRANSITIONS: Readonly<
  Record<ReviewStatus, Readonly<Partial<Record<WorkflowAction, ReviewStatus>>>>
> = {
  PENDING_REVIEW: { APPROVE: "APPROVED", REJECT: "REJECTED", REQUEST_CHANGES: "PENDING_REVIEW" },
  APPROVED: { REJECT: "REJECTED", REQUEST_CHANGES: "PENDING_REVIEW" },
  REJECTED: { REQUEST_CHANGES: "PENDING_REVIEW" },
};

/** What a review needs to know of its run. */
export type ReviewedRun = {
  readonly rebalance_run_id: string;
  readonly correlation_id: string;
  readonly status: RunStatus;
  /** Whom the token of whoever submitted it names; null where there was none. */
  readonly authenticated_subject: string | null;
};

/** What new decisions are hashed under. Chains of before go on from version 1. */
const HASH_VERSION = 2;

/** One decision as it is stored. */
export type RunDecision = {
  readonly rebalance_run_id: string;
  readonly decision_no: number;
  readonly decision_id: string;
  readonly action: WorkflowAction;
  readonly from_status: ReviewStatus;
  readonly to_status: ReviewStatus;
  readonly reason_code: string;
  readonly comment: string | null;
  readonly actor_id: string;
  /** Whom the token of the request names; null where there was none. */
  readonly authenticated_subject: string | null;
  /** Both names as people are compared; that of the actor is null where the hash version is 1. */
  readonly actor_folded: string | null;
  readonly subject_folded: string | null;
  readonly hash_version: number;
  /** Whoever submitted the run reviewed it, in a deployment that does without segregation. */
  readonly segregation_waived: boolean;
  readonly decided_at: string;
  readonly correlation_id: string;
  readonly idempotency_key: string | null;
  readonly run_correlation_id: string;
  /** Null for the first. */
  readonly previous_hash: string | null;
  readonly decision_hash: string;
};

/** Who acts, and by which request. */
export type ActionContext = {
  readonly tenantId: string;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
  readonly authenticatedSubject: string | null;
  readonly decisionId: string;
  readonly now: Date;
};

export type ReviewRefusal =
  "DPM_WORKFLOW_NOT_REQUIRED_FOR_RUN_STATUS" | "DPM_WORKFLOW_INVALID_TRANSITION" | "SEGREGATION_OF_DUTIES";

/** How a deployment reviews. */
export type ReviewRules = {
  readonly requiredForStatuses: readonly string[];
  /** Whoever submitted a run does not review it, where tokens say who both are. */
  readonly requiresSegregation: boolean;
};

export type DecisionOutcome =
  | { readonly ok: true; readonly decision: RunDecision }
  | { readonly ok: false; readonly code: ReviewRefusal };

/** What an action does to a run whose newest decision is `latest`. Pure; called under the lock of the run. */
export function decide(
  run: ReviewedRun,
  latest: RunDecision | undefined,
  rules: ReviewRules,
  request: DpmRunWorkflowActionRequest,
  context: ActionContext,
): DecisionOutcome {
  if (!rules.requiredForStatuses.includes(run.status)) {
    return { ok: false, code: "DPM_WORKFLOW_NOT_REQUIRED_FOR_RUN_STATUS" };
  }
  const from = latest?.to_status ?? "PENDING_REVIEW";
  const to = REVIEW_TRANSITIONS[from][request.action];
  if (to === undefined) return { ok: false, code: "DPM_WORKFLOW_INVALID_TRANSITION" };
  const { authenticatedSubject } = context;
  const people = {
    actor_folded: personOf(request.actor_id),
    subject_folded: personOrNull(authenticatedSubject),
  };
  const isOwnRun = isSubmitter(run, people);
  if (isOwnRun && rules.requiresSegregation) return { ok: false, code: "SEGREGATION_OF_DUTIES" };
  const draft = {
    ...people,
    authenticated_subject: authenticatedSubject,
    hash_version: HASH_VERSION,
    segregation_waived: isOwnRun,
    rebalance_run_id: run.rebalance_run_id,
    decision_no: (latest?.decision_no ?? 0) + 1,
    decision_id: context.decisionId,
    action: request.action,
    from_status: from,
    to_status: to,
    reason_code: request.reason_code,
    comment: request.comment,
    actor_id: request.actor_id,
    decided_at: notBefore(latest?.decided_at, context.now),
    correlation_id: context.correlationId,
    idempotency_key: context.idempotencyKey,
    run_correlation_id: run.correlation_id,
    previous_hash: latest?.decision_hash ?? null,
  };
  return { ok: true, decision: { ...draft, decision_hash: hashOfDecision(context.tenantId, draft) } };
}

/** Whether one of the two names behind a decision is whoever submitted the run. No token, no knowing who anybody is. */
export function isSubmitter(
  run: Pick<ReviewedRun, "authenticated_subject">,
  { actor_folded, subject_folded }: Pick<RunDecision, "actor_folded" | "subject_folded">,
): boolean {
  if (run.authenticated_subject === null || subject_folded === null) return false;
  const submitter = personOf(run.authenticated_subject);
  return submitter === subject_folded || submitter === actor_folded;
}

/**
 * Covers the whole row and, by `previous_hash`, everything that was decided before. The folded names say nothing that the
 * names do not say.
 */
export function hashOfDecision(tenantId: string, decision: Omit<RunDecision, "decision_hash">): string {
  const { authenticated_subject, hash_version, segregation_waived } = decision;
  return contentHash(
    canonicalJson({
      ...(hash_version === 1 ? {} : { authenticated_subject, hash_version, segregation_waived }),
      action: decision.action,
      actor_id: decision.actor_id,
      comment: decision.comment,
      correlation_id: decision.correlation_id,
      decided_at: decision.decided_at,
      decision_id: decision.decision_id,
      decision_no: decision.decision_no,
      from_status: decision.from_status,
      idempotency_key: decision.idempotency_key,
      previous_hash: decision.previous_hash,
      reason_code: decision.reason_code,
      rebalance_run_id: decision.rebalance_run_id,
      run_correlation_id: decision.run_correlation_id,
      tenant_id: tenantId,
      to_status: decision.to_status,
    }),
  );
}

/** The state of the review of a run. */
export function reviewOf(
  run: ReviewedRun,
  latest: RunDecision | undefined,
  requiredForStatuses: readonly string[],
): DpmRunWorkflowResponse {
  const isRequired = requiredForStatuses.includes(run.status);
  return {
    latest_decision: latest === undefined ? null : decisionView(latest),
    requires_review: isRequired,
    run_id: run.rebalance_run_id,
    run_status: run.status,
    workflow_status: isRequired ? (latest?.to_status ?? "PENDING_REVIEW") : "NOT_REQUIRED",
  };
}

/** A decision as it goes out. */
export function decisionView(decision: RunDecision): DpmRunWorkflowDecisionResponse {
  return {
    action: decision.action,
    actor_id: decision.actor_id,
    authenticated_subject: decision.authenticated_subject,
    comment: decision.comment,
    correlation_id: decision.correlation_id,
    decided_at: decision.decided_at,
    decision_id: decision.decision_id,
    reason_code: decision.reason_code,
    run_id: decision.rebalance_run_id,
  };
}
