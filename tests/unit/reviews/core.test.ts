import { describe, expect, test } from "vitest";
import type { WorkflowAction } from "../../../src/features/reviews/schemas.ts";
import {
  decide,
  decisionView,
  hashOfDecision,
  reviewOf,
  type RunDecision,
  type ReviewStatus,
} from "../../../src/features/reviews/core.ts";

const RUN = {
  rebalance_run_id: `rr_${"1".repeat(32)}`,
  correlation_id: "corr_run",
  status: "PENDING_REVIEW" as const,
  authenticated_subject: null,
};
const REQUIRED = ["PENDING_REVIEW"];
const RULES = { requiredForStatuses: REQUIRED, requiresSegregation: true };
const NOW = new Date("2026-03-01T09:30:00.000Z");

function context(change: { now?: Date; authenticatedSubject?: string } = {}) {
  const ids = {
    tenantId: "default",
    correlationId: "corr_action",
    idempotencyKey: "key-1",
    authenticatedSubject: null,
  };
  return { ...ids, decisionId: `dwd_${"a".repeat(32)}`, now: NOW, ...change };
}

function request(action: WorkflowAction) {
  return { action, reason_code: "LIMITS_CHECKED", comment: "as discussed", actor_id: "officer_1" };
}

/** The newest decision of a review that is at `status`. */
function latestAt(status: ReviewStatus): RunDecision {
  const first = accepted("REQUEST_CHANGES", undefined);
  if (status === "PENDING_REVIEW") return first;
  return accepted(status === "APPROVED" ? "APPROVE" : "REJECT", first);
}

function accepted(action: WorkflowAction, latest: RunDecision | undefined): RunDecision {
  const outcome = decide(RUN, latest, RULES, request(action), context());
  if (!outcome.ok) throw new Error(outcome.code);
  return outcome.decision;
}

const REFUSED = "DPM_WORKFLOW_INVALID_TRANSITION";

describe("every status and every action", () => {
  const table: [ReviewStatus | "no decision", WorkflowAction, string][] = [
    ["no decision", "APPROVE", "APPROVED"],
    ["no decision", "REJECT", "REJECTED"],
    ["no decision", "REQUEST_CHANGES", "PENDING_REVIEW"],
    ["PENDING_REVIEW", "APPROVE", "APPROVED"],
    ["PENDING_REVIEW", "REJECT", "REJECTED"],
    ["PENDING_REVIEW", "REQUEST_CHANGES", "PENDING_REVIEW"],
    ["APPROVED", "APPROVE", REFUSED],
    ["APPROVED", "REJECT", "REJECTED"],
    ["APPROVED", "REQUEST_CHANGES", "PENDING_REVIEW"],
    ["REJECTED", "APPROVE", REFUSED],
    ["REJECTED", "REJECT", REFUSED],
    ["REJECTED", "REQUEST_CHANGES", "PENDING_REVIEW"],
  ];

  test.each(table)("%s + %s → %s", (from, action, expected) => {
    const latest = from === "no decision" ? undefined : latestAt(from);
    const outcome = decide(RUN, latest, RULES, request(action), context());
    expect(outcome.ok ? outcome.decision.to_status : outcome.code).toBe(expected);
  });
});

test.each(["READY", "BLOCKED"] as const)("a %s run that needs no review takes no action", (status) => {
  const outcome = decide({ ...RUN, status }, undefined, RULES, request("APPROVE"), context());
  expect(outcome).toEqual({ ok: false, code: "DPM_WORKFLOW_NOT_REQUIRED_FOR_RUN_STATUS" });
});

test("which statuses need a review is the deployment's to say", () => {
  const blocked = { ...RUN, status: "BLOCKED" as const };
  const rules = (requiredForStatuses: string[]) => ({ ...RULES, requiredForStatuses });
  expect(decide(blocked, undefined, rules(["BLOCKED"]), request("REJECT"), context()).ok).toBe(true);
  expect(decide(RUN, undefined, rules([]), request("REJECT"), context()).ok).toBe(false);
});

test("a decision says who, why, when and by which request, and follows the one before it", () => {
  const first = accepted("APPROVE", undefined);
  expect(first).toMatchObject({
    decision_no: 1,
    from_status: "PENDING_REVIEW",
    reason_code: "LIMITS_CHECKED",
    comment: "as discussed",
    actor_id: "officer_1",
    decided_at: "2026-03-01T09:30:00.000Z",
    correlation_id: "corr_action",
    run_correlation_id: "corr_run",
    idempotency_key: "key-1",
    previous_hash: null,
  });
  const second = accepted("REJECT", first);
  expect(second).toMatchObject({
    decision_no: 2,
    from_status: "APPROVED",
    previous_hash: first.decision_hash,
  });
});

test("time does not run backwards in a history, whatever a clock says", () => {
  const first = accepted("APPROVE", undefined);
  const early = context({ now: new Date("2026-02-28T00:00:00.000Z") });
  const outcome = decide(RUN, first, RULES, request("REJECT"), early);
  expect(outcome.ok && outcome.decision.decided_at).toBe(first.decided_at);
});

describe("the hash of a decision", () => {
  const decision = accepted("REJECT", latestAt("APPROVED"));
  const { decision_hash, ...content } = decision;

  test("is what its content says", () => {
    expect(hashOfDecision("default", content)).toBe(decision_hash);
  });

  /** They say nothing that the names do not say; verification compares them. */
  const FOLDED = ["actor_folded", "subject_folded"];

  test.each(Object.keys(content).filter((field) => !FOLDED.includes(field)))("covers %s", (field) => {
    expect(hashOfDecision("default", { ...content, [field]: "changed" })).not.toBe(decision_hash);
  });

  test("covers the tenant", () => {
    expect(hashOfDecision("other", content)).not.toBe(decision_hash);
  });
});

describe("segregation", () => {
  const ACTIONS = ["APPROVE", "REJECT", "REQUEST_CHANGES"] as const;

  function outcomeOf(
    submitter: string | null,
    subject: string | null,
    actor: string,
    requiresSegregation = true,
  ) {
    const run = { ...RUN, authenticated_subject: submitter };
    const by = context(subject === null ? {} : { authenticatedSubject: subject });
    return ACTIONS.map((action) => {
      const command = { ...request(action), actor_id: actor };
      const outcome = decide(run, undefined, { ...RULES, requiresSegregation }, command, by);
      return outcome.ok ? `waived ${String(outcome.decision.segregation_waived)}` : outcome.code;
    });
  }

  test.each([
    ["whoever submitted it", "ann", "ann", "ann"],
    ["the same in another spelling", "Ann", "ANN", "ANN"],
    ["a service that submitted it, for another", "desk", "desk", "ann"],
    ["a service, for whoever submitted it", "ann", "desk", "Ann"],
  ])("%s takes no action", (_title, submitter, subject, actor) => {
    expect(outcomeOf(submitter, subject, actor)).toEqual(ACTIONS.map(() => "SEGREGATION_OF_DUTIES"));
    expect(outcomeOf(submitter, subject, actor, false)).toEqual(ACTIONS.map(() => "waived true"));
  });

  test.each([
    ["another", "ann", "bob", "bob"],
    ["somebody, where no token says who submitted it", null, "ann", "ann"],
    ["somebody without a token", "ann", null, "ann"],
  ])("%s does", (_title, submitter, subject, actor) => {
    expect(outcomeOf(submitter, subject, actor)).toEqual(ACTIONS.map(() => "waived false"));
  });
});

describe("the state of a review", () => {
  test("is pending while nobody decided", () => {
    expect(reviewOf(RUN, undefined, REQUIRED)).toEqual({
      run_id: RUN.rebalance_run_id,
      run_status: "PENDING_REVIEW",
      workflow_status: "PENDING_REVIEW",
      requires_review: true,
      latest_decision: null,
    });
  });

  test("is what the last decision left", () => {
    const rejected = latestAt("REJECTED");
    const review = reviewOf(RUN, rejected, REQUIRED);
    expect(review).toMatchObject({ workflow_status: "REJECTED", latest_decision: decisionView(rejected) });
  });

  test("is not required for a run whose status needs none, also with decisions of a stricter day", () => {
    const review = reviewOf(RUN, latestAt("APPROVED"), ["BLOCKED"]);
    expect(review).toMatchObject({ workflow_status: "NOT_REQUIRED", requires_review: false });
    expect(review.latest_decision).not.toBeNull();
  });
});
