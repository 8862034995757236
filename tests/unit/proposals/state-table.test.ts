import { describe, expect, test } from "vitest";
import { ApprovalType, ProposalEventType, ProposalState } from "../../../src/features/proposals/schemas.ts";
import { decideApproval, decideTransition, decideVersion } from "../../../src/features/proposals/core.ts";
import { LEGAL, LEGAL_APPROVALS, TERMINAL } from "../../support/lifecycle-model.ts";

const RULES = {
  requiresExpectedState: true,
  requiresSegregationOfDuties: true,
  requiresSimulationFlag: true,
  allowsPortfolioChangeOnNewVersion: false,
  newVersionRestartsReview: true,
  allowsBlockedVersions: false,
  requiresDistinctApprovers: false,
};

/** Version 3 is current, READY, and has every approval: nothing but the state stands in the way. */
const FACTS = {
  current_version_no: 3,
  version: { created_by: "maker", status_at_creation: "READY" },
  approvals: (["RISK_APPROVED", "CLIENT_CONSENT_RECORDED"] as const).map((event_type) => ({
    event_type,
    actor_id: "approver",
    related_version_no: 3,
  })),
};

const cells = ProposalState.options.flatMap((state) =>
  ProposalEventType.options.map((event) => ({ state, event })),
);
const approvalCells = ProposalState.options.flatMap((state) =>
  ApprovalType.options.flatMap((type) => [true, false].map((approved) => ({ state, type, approved }))),
);

function transition(state: ProposalState, event: ProposalEventType) {
  return decideTransition(
    { ...FACTS, current_state: state },
    { event_type: event, actor_id: "someone else", related_version_no: null, expected_state: state },
    RULES,
  );
}

function approval(state: ProposalState, type: ApprovalType, approved: boolean) {
  return decideApproval(
    { ...FACTS, current_state: state },
    {
      approval_type: type,
      approved,
      actor_id: "someone else",
      related_version_no: null,
      expected_state: state,
    },
    RULES,
  );
}

describe("every state × every event", () => {
  test.each(cells)("$state × $event", ({ state, event }) => {
    const line = LEGAL.find((cell) => cell.startsWith(`${state} ${event} `));
    const decision = transition(state, event);
    if (line === undefined) {
      expect(decision).toEqual({ accepted: false, refusal: { status: 422, detail: "INVALID_TRANSITION" } });
    } else {
      expect(decision).toMatchObject({
        accepted: true,
        value: {
          event_type: event,
          from_state: state,
          to_state: line.split(" ")[2],
          related_version_no: 3,
        },
      });
    }
  });

  test("has exactly the legal cells", () => {
    const accepted = cells.filter(({ state, event }) => transition(state, event).accepted);
    expect(accepted.map(({ state, event }) => `${state} ${event}`).sort()).toEqual(
      LEGAL.map((line) => line.split(" ").slice(0, 2).join(" ")).sort(),
    );
  });
});

describe("every state × every approval", () => {
  test.each(approvalCells)("$state × $type approved $approved", ({ state, type, approved }) => {
    const line = LEGAL_APPROVALS.find((cell) => cell.startsWith(`${state} ${type} ${String(approved)} `));
    const decision = approval(state, type, approved);
    if (line === undefined) {
      expect(decision).toEqual({
        accepted: false,
        refusal: { status: 422, detail: "INVALID_APPROVAL_STATE" },
      });
    } else {
      const [, , , eventType, toState] = line.split(" ");
      expect(decision).toMatchObject({
        accepted: true,
        value: { event_type: eventType, from_state: state, to_state: toState },
      });
    }
  });
});

describe.each([true, false])(
  "every state × a new version, review restarted %s",
  (newVersionRestartsReview) => {
    test.each(ProposalState.options)("%s", (state) => {
      const decision = decideVersion(
        { current_state: state, portfolio_id: "pf", current_version_no: 3 },
        "pf",
        { ...RULES, newVersionRestartsReview },
      );
      expect(decision).toEqual(
        TERMINAL.includes(state)
          ? {
              accepted: false,
              refusal: { status: 422, detail: "PROPOSAL_TERMINAL_STATE: cannot create version" },
            }
          : {
              accepted: true,
              value: { version_no: 4, to_state: newVersionRestartsReview ? "DRAFT" : state },
            },
      );
    });
  },
);
