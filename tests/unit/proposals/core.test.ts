import { describe, expect, test } from "vitest";
import type {
  ProposalApprovalRequest,
  ProposalStateTransitionRequest,
} from "../../../src/features/proposals/schemas.ts";
import {
  decideApproval,
  decideTransition,
  decideVersion,
  type DecisionFacts,
  type LifecycleRules,
} from "../../../src/features/proposals/core.ts";
import { notBefore } from "../../../src/platform/clock.ts";

const RULES: LifecycleRules = {
  requiresExpectedState: true,
  requiresSegregationOfDuties: true,
  requiresSimulationFlag: true,
  allowsPortfolioChangeOnNewVersion: false,
};
const FACTS: DecisionFacts = {
  current_state: "RISK_REVIEW",
  current_version_no: 3,
  maker_of_version: "maker",
};

function detailOf(decision: ReturnType<typeof decideTransition>): string {
  return decision.accepted ? "accepted" : `${String(decision.refusal.status)} ${decision.refusal.detail}`;
}

function transition(
  change: Partial<ProposalStateTransitionRequest>,
  facts: Partial<DecisionFacts> = {},
  rules: Partial<LifecycleRules> = {},
) {
  const command = {
    event_type: "RISK_APPROVED" as const,
    actor_id: "checker",
    related_version_no: null,
    expected_state: "RISK_REVIEW" as const,
    ...change,
  };
  return decideTransition({ ...FACTS, ...facts }, command, { ...RULES, ...rules });
}

function approve(
  change: Partial<ProposalApprovalRequest>,
  facts: Partial<DecisionFacts> = {},
  rules: Partial<LifecycleRules> = {},
) {
  const command = {
    approval_type: "RISK" as const,
    approved: true,
    actor_id: "checker",
    related_version_no: null,
    expected_state: "RISK_REVIEW" as const,
    ...change,
  };
  return decideApproval({ ...FACTS, ...facts }, command, { ...RULES, ...rules });
}

describe("expected_state", () => {
  test("is required where the deployment requires it", () => {
    expect(detailOf(transition({ expected_state: null }))).toBe(
      "409 STATE_CONFLICT: expected_state is required",
    );
    expect(detailOf(transition({ expected_state: null }, {}, { requiresExpectedState: false }))).toBe(
      "accepted",
    );
  });

  test("must be the current state whenever it is sent", () => {
    const relaxed = { requiresExpectedState: false };
    expect(detailOf(transition({ expected_state: "DRAFT" }))).toBe(
      "409 STATE_CONFLICT: expected_state mismatch",
    );
    expect(detailOf(approve({ expected_state: "DRAFT" }, {}, relaxed))).toBe(
      "409 STATE_CONFLICT: expected_state mismatch",
    );
  });
});

describe("of several faults, one is answered", () => {
  test.each([
    ["stale state before illegal event", { expected_state: "DRAFT", event_type: "EXECUTED" }, "mismatch"],
    ["illegal event before unknown version", { event_type: "EXECUTED", related_version_no: 9 }, "INVALID_TR"],
    ["unknown version before own work", { related_version_no: 9, actor_id: "maker" }, "VERSION_NOT_FOUND"],
    ["superseded version before own work", { related_version_no: 2, actor_id: "maker" }, "superseded"],
  ] as const)("%s", (_title, change, expected) => {
    const maker_of_version =
      "related_version_no" in change && change.related_version_no === 9 ? null : "maker";
    expect(detailOf(transition(change, { maker_of_version }))).toContain(expected);
  });
});

describe("an approval is for the newest version", () => {
  test("an older one is superseded, by either route", () => {
    expect(detailOf(transition({ related_version_no: 2 }))).toBe("409 STATE_CONFLICT: version superseded");
    expect(detailOf(approve({ related_version_no: 2 }))).toBe("409 STATE_CONFLICT: version superseded");
    expect(detailOf(approve({ related_version_no: 2, approved: false }))).toBe(
      "409 STATE_CONFLICT: version superseded",
    );
  });

  test("what approves nothing may name an older one", () => {
    expect(transition({ event_type: "CANCELLED", related_version_no: 2 })).toMatchObject({
      value: { related_version_no: 2 },
    });
  });

  test("the newest is the default", () => {
    expect(approve({})).toMatchObject({ value: { related_version_no: 3 } });
    expect(approve({ related_version_no: 3 })).toMatchObject({ value: { related_version_no: 3 } });
  });
});

describe("segregation of duties", () => {
  const compliance = {
    current_state: "COMPLIANCE_REVIEW",
    current_version_no: 3,
    maker_of_version: "maker",
  } as const;

  test("the maker cannot give the bank's own approvals, by either route", () => {
    const own = { actor_id: "maker" };
    const inCompliance = { ...own, expected_state: "COMPLIANCE_REVIEW" } as const;
    expect(detailOf(approve(own))).toBe("403 SEGREGATION_OF_DUTIES");
    expect(detailOf(transition(own))).toBe("403 SEGREGATION_OF_DUTIES");
    expect(detailOf(approve({ ...inCompliance, approval_type: "COMPLIANCE" }, compliance))).toBe(
      "403 SEGREGATION_OF_DUTIES",
    );
    expect(detailOf(transition({ ...inCompliance, event_type: "COMPLIANCE_APPROVED" }, compliance))).toBe(
      "403 SEGREGATION_OF_DUTIES",
    );
  });

  test("the maker may deny, cancel and record the client's consent", () => {
    const consent = { current_state: "AWAITING_CLIENT_CONSENT" } as const;
    expect(detailOf(approve({ actor_id: "maker", approved: false }))).toBe("accepted");
    expect(detailOf(transition({ actor_id: "maker", event_type: "CANCELLED" }))).toBe("accepted");
    expect(
      detailOf(
        approve(
          { actor_id: "maker", approval_type: "CLIENT_CONSENT", expected_state: "AWAITING_CLIENT_CONSENT" },
          consent,
        ),
      ),
    ).toBe("accepted");
  });

  test("where the deployment does without, the event says that it was waived, and only then", () => {
    const without = { requiresSegregationOfDuties: false };
    expect(approve({ actor_id: "maker" }, {}, without)).toMatchObject({
      value: { segregation_waived: true },
    });
    expect(approve({ actor_id: "checker" }, {}, without)).toMatchObject({
      value: { segregation_waived: false },
    });
  });
});

describe("a new version", () => {
  const current = { current_state: "DRAFT", portfolio_id: "pf_1", current_version_no: 1 } as const;

  test("is for the same portfolio, unless the deployment allows another", () => {
    expect(decideVersion(current, "pf_2", RULES)).toEqual({
      accepted: false,
      refusal: { status: 422, detail: "PORTFOLIO_CONTEXT_MISMATCH" },
    });
    expect(
      decideVersion(current, "pf_2", { ...RULES, allowsPortfolioChangeOnNewVersion: true }),
    ).toMatchObject({ accepted: true });
  });

  test("of another portfolio for what has ended is refused for having ended", () => {
    expect(decideVersion({ ...current, current_state: "REJECTED" }, "pf_2", RULES)).toMatchObject({
      refusal: { detail: "PROPOSAL_TERMINAL_STATE: cannot create version" },
    });
  });
});

test("a history does not go back in time when a slower clock writes", () => {
  expect(notBefore("2026-01-01T00:00:00.500Z", new Date("2026-01-01T00:00:00.000Z"))).toBe(
    "2026-01-01T00:00:00.500Z",
  );
  expect(notBefore("2026-01-01T00:00:00.500Z", new Date("2026-01-01T00:00:01.000Z"))).toBe(
    "2026-01-01T00:00:01.000Z",
  );
});
