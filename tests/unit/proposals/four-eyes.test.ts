import { describe, expect, test } from "vitest";
import {
  decideApproval,
  decideTransition,
  type LifecycleRules,
} from "../../../src/features/proposals/core.ts";
import type { PastApproval } from "../../../src/features/proposals/four-eyes.ts";
import { ProposalEventType, ProposalState } from "../../../src/features/proposals/schemas.ts";
import { LEGAL, LEGAL_APPROVALS } from "../../support/lifecycle-model.ts";

/**
 * Every state × event × who × which version × what is approved × blocked or not × every switch, against the rules as the
 * contract words them. Version 2 of two is the current one.
 */

const PEOPLE = ["maker", "MAKER", "approver", "Approver", "someone else"] as const;
const NAMED_VERSIONS = [null, 1, 2] as const;
const STATUSES = ["READY", "PENDING_REVIEW", "BLOCKED"] as const;
const APPROVALS = {
  nothing: [],
  "the older version": [approval("RISK_APPROVED", 1), approval("CLIENT_CONSENT_RECORDED", 1)],
  "the bank's of this version": [approval("RISK_APPROVED", 2)],
  "consent alone": [approval("CLIENT_CONSENT_RECORDED", 2)],
  "consent, the bank's of the older version": [
    approval("COMPLIANCE_APPROVED", 1),
    approval("CLIENT_CONSENT_RECORDED", 2),
  ],
  everything: [approval("COMPLIANCE_APPROVED", 2), approval("CLIENT_CONSENT_RECORDED", 2)],
} as const satisfies Record<string, readonly PastApproval[]>;
const SWITCHES = [true, false].flatMap((allowsBlockedVersions) =>
  [true, false].flatMap((requiresSegregationOfDuties) =>
    [true, false].map((requiresDistinctApprovers) => ({
      allowsBlockedVersions,
      requiresSegregationOfDuties,
      requiresDistinctApprovers,
    })),
  ),
);
const OTHER_RULES = {
  requiresExpectedState: true,
  requiresSimulationFlag: true,
  allowsPortfolioChangeOnNewVersion: false,
  newVersionRestartsReview: true,
};

function approval(event_type: ProposalEventType, related_version_no: number): PastApproval {
  return { event_type, actor_id: "approver", related_version_no };
}

type Case = {
  readonly event: string;
  readonly actor: string;
  readonly named: number | null;
  readonly status: string;
  readonly given: readonly PastApproval[];
  readonly rules: LifecycleRules;
};

const TOWARDS_EXECUTION = [
  "SUBMITTED_FOR_RISK_REVIEW",
  "SUBMITTED_FOR_COMPLIANCE_REVIEW",
  "RISK_APPROVED",
  "COMPLIANCE_APPROVED",
  "CLIENT_CONSENT_RECORDED",
  "EXECUTED",
];

/** The contract, sentence by sentence, of an event that is legal in its state. */
function expectedOf({ event, actor, given, status, named, rules }: Case): string {
  const has = (...types: string[]) =>
    given.some(
      ({ event_type, related_version_no }) => related_version_no === 2 && types.includes(event_type),
    );
  if (named === 1) return "409 STATE_CONFLICT: version superseded";
  const needsBank = event === "CLIENT_CONSENT_RECORDED" || event === "EXECUTED";
  if (needsBank && !has("RISK_APPROVED", "COMPLIANCE_APPROVED"))
    return "409 STATE_CONFLICT: version not approved";
  if (event === "EXECUTED" && !has("CLIENT_CONSENT_RECORDED"))
    return "409 STATE_CONFLICT: version not approved";
  const isBlocked = status === "BLOCKED" && TOWARDS_EXECUTION.includes(event);
  if (isBlocked && !rules.allowsBlockedVersions) return "409 STATE_CONFLICT: version blocked";
  const isBanks = event === "RISK_APPROVED" || event === "COMPLIANCE_APPROVED";
  const isOwn = isBanks && actor.toLowerCase() === "maker";
  if (isOwn && rules.requiresSegregationOfDuties) return "403 SEGREGATION_OF_DUTIES";
  const hasDuty = isBanks || event === "EXECUTED";
  const otherDuty = given.some(({ event_type }) => event_type.endsWith("_APPROVED") && event_type !== event);
  const isSecond = hasDuty && otherDuty && actor.toLowerCase() === "approver";
  if (isSecond && rules.requiresDistinctApprovers) return "403 SEGREGATION_OF_DUTIES";
  return `accepted, waived: ${String(isOwn)} ${String(isBlocked)} ${String(isSecond)}`;
}

type Decision = ReturnType<typeof decideTransition>;

function wordsOf(decision: Decision): string {
  if (!decision.accepted) return `${String(decision.refusal.status)} ${decision.refusal.detail}`;
  const { segregation_waived, blocked_waived, distinct_waived } = decision.value;
  return `accepted, waived: ${[segregation_waived, blocked_waived, distinct_waived].map(String).join(" ")}`;
}

function* casesOf(event: string): Generator<Case> {
  for (const actor of PEOPLE)
    for (const named of NAMED_VERSIONS)
      for (const status of STATUSES)
        for (const given of Object.values(APPROVALS))
          for (const switches of SWITCHES)
            yield { event, actor, named, status, given, rules: { ...OTHER_RULES, ...switches } };
}

function factsOf(state: ProposalState, { status, given }: Case) {
  const version = { created_by: "maker", status_at_creation: status };
  return { current_state: state, current_version_no: 2, version, approvals: given };
}

const CASES =
  PEOPLE.length * NAMED_VERSIONS.length * STATUSES.length * Object.keys(APPROVALS).length * SWITCHES.length;

describe.each(ProposalState.options)("in %s, whoever, whichever version, whatever is approved", (state) => {
  test.each(ProposalEventType.options)("%s by a transition", (event) => {
    let checked = 0;
    const isLegal = LEGAL.some((line) => line.startsWith(`${state} ${event} `));
    for (const one of casesOf(event)) {
      const command = {
        event_type: event,
        actor_id: one.actor,
        related_version_no: one.named,
        expected_state: state,
      };
      const superseded =
        one.named === 1 ? "409 STATE_CONFLICT: version superseded" : "422 INVALID_TRANSITION";
      const expected = isLegal ? expectedOf(one) : superseded;
      expect(wordsOf(decideTransition(factsOf(state, one), command, one.rules)), JSON.stringify(one)).toBe(
        expected,
      );
      checked += 1;
    }
    expect(checked).toBe(CASES);
  });

  test.each(["RISK", "COMPLIANCE", "CLIENT_CONSENT"] as const)(
    "%s by an approval, given or denied",
    (type) => {
      for (const approved of [true, false]) {
        const legal = LEGAL_APPROVALS.find((line) =>
          line.startsWith(`${state} ${type} ${String(approved)} `),
        );
        const event = legal?.split(" ")[3] ?? "none";
        for (const one of casesOf(event)) {
          const command = {
            approval_type: type,
            approved,
            actor_id: one.actor,
            related_version_no: one.named,
            expected_state: state,
          };
          const superseded =
            one.named === 1 ? "409 STATE_CONFLICT: version superseded" : "422 INVALID_APPROVAL_STATE";
          const expected = legal === undefined ? superseded : expectedOf(one);
          expect(wordsOf(decideApproval(factsOf(state, one), command, one.rules)), JSON.stringify(one)).toBe(
            expected,
          );
        }
      }
    },
  );
});
