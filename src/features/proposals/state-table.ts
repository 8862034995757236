import type { ApprovalType, ProposalEventType, ProposalState } from "./schemas.ts";

/** The lifecycle as data: from each state, what may happen and where it leads. What is not here is not legal. */
const TRANSITIONS: Readonly<
  Record<ProposalState, Partial<Readonly<Record<ProposalEventType, ProposalState>>>>
> = {
  DRAFT: {
    SUBMITTED_FOR_RISK_REVIEW: "RISK_REVIEW",
    SUBMITTED_FOR_COMPLIANCE_REVIEW: "COMPLIANCE_REVIEW",
    CANCELLED: "CANCELLED",
  },
  RISK_REVIEW: {
    RISK_APPROVED: "AWAITING_CLIENT_CONSENT",
    REJECTED: "REJECTED",
    CANCELLED: "CANCELLED",
  },
  COMPLIANCE_REVIEW: {
    COMPLIANCE_APPROVED: "AWAITING_CLIENT_CONSENT",
    REJECTED: "REJECTED",
    CANCELLED: "CANCELLED",
  },
  AWAITING_CLIENT_CONSENT: {
    CLIENT_CONSENT_RECORDED: "EXECUTION_READY",
    REJECTED: "REJECTED",
    CANCELLED: "CANCELLED",
  },
  EXECUTION_READY: {
    EXECUTED: "EXECUTED",
    EXPIRED: "EXPIRED",
    CANCELLED: "CANCELLED",
  },
  EXECUTED: {},
  REJECTED: {},
  CANCELLED: {},
  EXPIRED: {},
};

type ApprovalRule = { readonly givenIn: ProposalState; readonly approvedBy: ProposalEventType };

const APPROVALS: Readonly<Record<ApprovalType, ApprovalRule>> = {
  RISK: { givenIn: "RISK_REVIEW", approvedBy: "RISK_APPROVED" },
  COMPLIANCE: { givenIn: "COMPLIANCE_REVIEW", approvedBy: "COMPLIANCE_APPROVED" },
  CLIENT_CONSENT: { givenIn: "AWAITING_CLIENT_CONSENT", approvedBy: "CLIENT_CONSENT_RECORDED" },
};

/** Where an event leads; undefined where it may not happen. */
export function stateAfter(from: ProposalState, event: ProposalEventType): ProposalState | undefined {
  return TRANSITIONS[from][event];
}

/** Nothing can happen any more. */
export function isTerminal(state: ProposalState): boolean {
  return Object.keys(TRANSITIONS[state]).length === 0;
}

/** The event that an approval writes: its own when it is given, REJECTED when it is denied. */
export function eventOfApproval(type: ApprovalType, approved: boolean): ProposalEventType {
  return approved ? APPROVALS[type].approvedBy : "REJECTED";
}

export function mayDecideApproval(type: ApprovalType, state: ProposalState): boolean {
  return APPROVALS[type].givenIn === state;
}

/** The events that approve a version. They are for the newest one only. */
const APPROVING_EVENTS: ReadonlySet<ProposalEventType> = new Set(
  Object.values(APPROVALS).map(({ approvedBy }) => approvedBy),
);

export function approvesVersion(event: ProposalEventType): boolean {
  return APPROVING_EVENTS.has(event);
}

/** The bank's own approvals, which the maker of a version cannot give. Client consent is the client's. */
export function needsSecondPerson(event: ProposalEventType): boolean {
  return event === "RISK_APPROVED" || event === "COMPLIANCE_APPROVED";
}
