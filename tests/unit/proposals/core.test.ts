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
  newVersionRestartsReview: true,
  allowsBlockedVersions: false,
  requiresDistinctApprovers: false,
};
const FACTS: DecisionFacts = {
  current_state: "RISK_REVIEW",
  current_version_no: 3,
  version: { created_by: "maker", status_at_creation: "READY" },
  approvals: [],
};

/** The bank's approval of a version. */
function approvedBy(actor_id: string, related_version_no = 3) {
  return { event_type: "RISK_APPROVED", actor_id, related_version_no } as const;
}

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
    ["stale state before superseded version", { expected_state: "DRAFT", related_version_no: 2 }, "mismatch"],
    [
      "superseded version before illegal event",
      { event_type: "EXECUTED", related_version_no: 2 },
      "superseded",
    ],
    ["illegal event before unknown version", { event_type: "EXECUTED", related_version_no: 9 }, "INVALID_TR"],
    ["unknown version before own work", { related_version_no: 9, actor_id: "maker" }, "VERSION_NOT_FOUND"],
    ["superseded version before own work", { related_version_no: 2, actor_id: "maker" }, "superseded"],
  ] as const)("%s", (_title, change, expected) => {
    const isUnknown = "related_version_no" in change && change.related_version_no === 9;
    const version = isUnknown ? null : FACTS.version;
    expect(detailOf(transition(change, { version }))).toContain(expected);
  });

  test("not approved before blocked, blocked before own work", () => {
    const blocked = { version: { created_by: "maker", status_at_creation: "BLOCKED" } };
    const consent = {
      event_type: "CLIENT_CONSENT_RECORDED",
      expected_state: "AWAITING_CLIENT_CONSENT",
    } as const;
    expect(detailOf(transition(consent, { ...blocked, current_state: "AWAITING_CLIENT_CONSENT" }))).toBe(
      "409 STATE_CONFLICT: version not approved",
    );
    expect(detailOf(transition({ actor_id: "maker" }, blocked))).toBe("409 STATE_CONFLICT: version blocked");
  });
});

describe("a decision is for the newest version", () => {
  test("an older one is superseded, by either route", () => {
    expect(detailOf(transition({ related_version_no: 2 }))).toBe("409 STATE_CONFLICT: version superseded");
    expect(detailOf(approve({ related_version_no: 2 }))).toBe("409 STATE_CONFLICT: version superseded");
    expect(detailOf(approve({ related_version_no: 2, approved: false }))).toBe(
      "409 STATE_CONFLICT: version superseded",
    );
  });

  test.each(["REJECTED", "CANCELLED"] as const)("%s of an older one is superseded too", (event_type) => {
    expect(detailOf(transition({ event_type, related_version_no: 2 }))).toBe(
      "409 STATE_CONFLICT: version superseded",
    );
  });

  test("the newest is the default", () => {
    expect(approve({})).toMatchObject({ value: { related_version_no: 3 } });
    expect(approve({ related_version_no: 3 })).toMatchObject({ value: { related_version_no: 3 } });
  });
});

describe("segregation of duties", () => {
  const compliance = {
    ...FACTS,
    current_state: "COMPLIANCE_REVIEW",
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
    const consent = { current_state: "AWAITING_CLIENT_CONSENT", approvals: [approvedBy("checker")] } as const;
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

test.each(["MAKER", "Maker", "mak\u00adER", "\uff4daker"])(
  "%s is the maker by another spelling",
  (actor_id) => {
    expect(detailOf(approve({ actor_id }))).toBe("403 SEGREGATION_OF_DUTIES");
    expect(detailOf(transition({ actor_id }))).toBe("403 SEGREGATION_OF_DUTIES");
  },
);

describe("different people for RISK, COMPLIANCE and execution", () => {
  const ready = {
    current_state: "EXECUTION_READY",
    approvals: [
      approvedBy("checker"),
      { event_type: "CLIENT_CONSENT_RECORDED", actor_id: "client", related_version_no: 3 },
    ],
  } as const;
  const execution = { event_type: "EXECUTED", expected_state: "EXECUTION_READY" } as const;
  const distinct = { requiresDistinctApprovers: true };

  test("where the deployment asks for them, nobody has two of the duties, in whatever spelling", () => {
    expect(detailOf(transition({ ...execution, actor_id: "CHECKER" }, ready, distinct))).toBe(
      "403 SEGREGATION_OF_DUTIES",
    );
    for (const actor_id of ["desk", "maker", "client"]) {
      expect(detailOf(transition({ ...execution, actor_id }, ready, distinct))).toBe("accepted");
    }
  });

  test("a duty for an older version counts, the same duty again does not", () => {
    const compliance = { current_state: "COMPLIANCE_REVIEW", approvals: [approvedBy("checker", 2)] } as const;
    const command = { event_type: "COMPLIANCE_APPROVED", expected_state: "COMPLIANCE_REVIEW" } as const;
    expect(detailOf(transition(command, compliance, distinct))).toBe("403 SEGREGATION_OF_DUTIES");
    expect(detailOf(transition({}, { approvals: [approvedBy("checker", 2)] }, distinct))).toBe("accepted");
  });

  test("elsewhere the event says that it was waived, and only then", () => {
    expect(transition(execution, ready)).toMatchObject({ value: { distinct_waived: true } });
    expect(transition({ ...execution, actor_id: "desk" }, ready)).toMatchObject({
      value: { distinct_waived: false },
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
