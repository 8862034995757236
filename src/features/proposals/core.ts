import type { ErrorCode } from "../../contract/error-codes.ts";
import type { Authenticated } from "../../platform/http/context.ts";
import { approvalsOf, judgeStep, type JudgedVersion, type PastApproval } from "./four-eyes.ts";
import type {
  ApprovalType,
  ProposalApprovalRequest,
  ProposalEventType,
  ProposalState,
  ProposalStateTransitionRequest,
} from "./schemas.ts";

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

/** The same as a table in Markdown, for the documentation. */
export function lifecycleTable(): string {
  const rows = Object.entries(TRANSITIONS).flatMap(([from, events]) =>
    Object.entries(events).map(([event, to]) => `| ${from} | ${event} | ${to} |`),
  );
  return ["| in state | event | leads to |", "| --- | --- | --- |", ...rows].join("\n");
}

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

/** Where its history has brought a proposal: what the newest event left behind. Columns of the proposal's row. */
export type CurrentState = {
  readonly portfolio_id: string;
  readonly current_state: ProposalState;
  readonly current_version_no: number;
  readonly last_event_no: number;
  readonly last_event_hash: string;
  readonly last_event_at: string;
};

/** Who sends a command, and what its answer names. */
export type Caller = Authenticated & {
  readonly tenantId: string;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
  /** The path of the request, which a problem names. */
  readonly instance: string;
};

/** Where the contract leaves no choice about the key. */
export type KeyedCaller = Caller & { readonly idempotencyKey: string };

/** Why a command is refused: the status and the stable code of the contract. */
export type ProposalRefusal = { readonly status: 403 | 404 | 409 | 422; readonly detail: ErrorCode };

/** A fault of the request itself, found before anything is read: no key is spent on it. */
export type Refused = { readonly kind: "refused"; readonly refusal: ProposalRefusal };

export type LifecycleDecision<T> =
  | { readonly accepted: true; readonly value: T }
  | { readonly accepted: false; readonly refusal: ProposalRefusal };

/** The rules that a deployment can switch. */
export type LifecycleRules = {
  readonly requiresExpectedState: boolean;
  readonly requiresSegregationOfDuties: boolean;
  readonly requiresSimulationFlag: boolean;
  readonly allowsPortfolioChangeOnNewVersion: boolean;
  /** A new version leads back to DRAFT. */
  readonly newVersionRestartsReview: boolean;
  readonly allowsBlockedVersions: boolean;
  /** RISK, COMPLIANCE and execution by different people. */
  readonly requiresDistinctApprovers: boolean;
};

/** What a decision is made on, read under the proposal's lock. */
export type DecisionFacts = Pick<CurrentState, "current_state" | "current_version_no"> & {
  /** The version that the command is about; null where there is no such version. */
  readonly version: JudgedVersion | null;
  /** The approving events of the history, of whichever version. */
  readonly approvals: readonly PastApproval[];
};

/** The event that a command comes to, in columns of its row. */
export type Move = {
  readonly event_type: ProposalEventType;
  readonly from_state: ProposalState;
  readonly to_state: ProposalState;
  readonly related_version_no: number;
  /** What the event breaks of the rules of four eyes in a deployment that does without them. */
  readonly segregation_waived: boolean;
  readonly blocked_waived: boolean;
  readonly distinct_waived: boolean;
};

export const PROPOSAL_NOT_FOUND: ProposalRefusal = { status: 404, detail: "PROPOSAL_NOT_FOUND" };
export const PROPOSAL_VERSION_NOT_FOUND: ProposalRefusal = {
  status: 404,
  detail: "PROPOSAL_VERSION_NOT_FOUND",
};
export const PROPOSAL_SIMULATION_DISABLED: ProposalRefusal = {
  status: 422,
  detail: "PROPOSAL_SIMULATION_DISABLED: set options.enable_proposal_simulation=true",
};
export const EXPECTED_STATE_REQUIRED: ProposalRefusal = {
  status: 409,
  detail: "STATE_CONFLICT: expected_state is required",
};
export const EXPECTED_STATE_MISMATCH: ProposalRefusal = {
  status: 409,
  detail: "STATE_CONFLICT: expected_state mismatch",
};
export const VERSION_SUPERSEDED: ProposalRefusal = {
  status: 409,
  detail: "STATE_CONFLICT: version superseded",
};
export const VERSION_NOT_APPROVED: ProposalRefusal = {
  status: 409,
  detail: "STATE_CONFLICT: version not approved",
};
export const VERSION_BLOCKED: ProposalRefusal = { status: 409, detail: "STATE_CONFLICT: version blocked" };
export const INVALID_TRANSITION: ProposalRefusal = { status: 422, detail: "INVALID_TRANSITION" };
export const INVALID_APPROVAL_STATE: ProposalRefusal = { status: 422, detail: "INVALID_APPROVAL_STATE" };
export const TERMINAL_STATE: ProposalRefusal = {
  status: 422,
  detail: "PROPOSAL_TERMINAL_STATE: cannot create version",
};
export const PORTFOLIO_CONTEXT_MISMATCH: ProposalRefusal = {
  status: 422,
  detail: "PORTFOLIO_CONTEXT_MISMATCH",
};
export const SEGREGATION_OF_DUTIES: ProposalRefusal = { status: 403, detail: "SEGREGATION_OF_DUTIES" };

/** What a refused caller can do nothing about stays refused under its key (409, 422); 403 and 404 leave it free. */
export function dependsOnState(refusal: ProposalRefusal): boolean {
  return refusal.status === 409 || refusal.status === 422;
}

/** The flag is demanded of everything that simulates, unless the deployment waives it for the lifecycle. */
export function isSimulationDisabled(
  rules: Pick<LifecycleRules, "requiresSimulationFlag">,
  { options }: { readonly options: { readonly enable_proposal_simulation: boolean } },
): boolean {
  return rules.requiresSimulationFlag && !options.enable_proposal_simulation;
}

/**
 * The checks of a transition, in the order that makes one answer of several: the state and the version that the caller
 * saw, then whether the event is legal, then the version itself, and at last the person.
 */
export function decideTransition(
  facts: DecisionFacts,
  command: Pick<
    ProposalStateTransitionRequest,
    "event_type" | "actor_id" | "related_version_no" | "expected_state"
  >,
  rules: LifecycleRules,
): LifecycleDecision<Move> {
  const stale = judgeWhatWasSeen(facts, command, rules);
  if (stale !== undefined) return refuse(stale);
  const to_state = stateAfter(facts.current_state, command.event_type);
  if (to_state === undefined) return refuse(INVALID_TRANSITION);
  return decideMove(facts, { ...command, to_state }, rules);
}

/** Like a transition. A denial, too, is for the newest version, as whoever denies an older one has not seen it. */
export function decideApproval(
  facts: DecisionFacts,
  command: Pick<
    ProposalApprovalRequest,
    "approval_type" | "approved" | "actor_id" | "related_version_no" | "expected_state"
  >,
  rules: LifecycleRules,
): LifecycleDecision<Move> {
  const stale = judgeWhatWasSeen(facts, command, rules);
  if (stale !== undefined) return refuse(stale);
  const isGivenHere = APPROVALS[command.approval_type].givenIn === facts.current_state;
  const event_type = eventOfApproval(command.approval_type, command.approved);
  const to_state = isGivenHere ? stateAfter(facts.current_state, event_type) : undefined;
  if (to_state === undefined) return refuse(INVALID_APPROVAL_STATE);
  return decideMove(facts, { ...command, event_type, to_state }, rules);
}

type Seen = {
  readonly expected_state: ProposalState | null;
  /** Null: the current version, whichever that is. */
  readonly related_version_no: number | null;
};

function judgeWhatWasSeen(
  facts: DecisionFacts,
  { expected_state, related_version_no }: Seen,
  rules: LifecycleRules,
): ProposalRefusal | undefined {
  if (expected_state === null && rules.requiresExpectedState) return EXPECTED_STATE_REQUIRED;
  if (expected_state !== null && expected_state !== facts.current_state) return EXPECTED_STATE_MISMATCH;
  const isOlder = related_version_no !== null && related_version_no < facts.current_version_no;
  return isOlder && facts.version !== null ? VERSION_SUPERSEDED : undefined;
}

type LegalEvent = Pick<Move, "event_type" | "to_state"> & {
  readonly actor_id: string;
  readonly related_version_no: number | null;
};

function decideMove(facts: DecisionFacts, event: LegalEvent, rules: LifecycleRules): LifecycleDecision<Move> {
  const { event_type, to_state, actor_id } = event;
  const related_version_no = event.related_version_no ?? facts.current_version_no;
  if (facts.version === null) return refuse(PROPOSAL_VERSION_NOT_FOUND);
  const step = { event_type, actor_id, related_version_no };
  const breaches = judgeStep(step, facts.version, approvalsOf(facts.approvals));
  if (breaches.isNotApproved) return refuse(VERSION_NOT_APPROVED);
  if (breaches.isBlocked && !rules.allowsBlockedVersions) return refuse(VERSION_BLOCKED);
  if (breaches.isOwnWork && rules.requiresSegregationOfDuties) return refuse(SEGREGATION_OF_DUTIES);
  if (breaches.isSecondDuty && rules.requiresDistinctApprovers) return refuse(SEGREGATION_OF_DUTIES);
  return accept({
    event_type,
    from_state: facts.current_state,
    to_state,
    related_version_no,
    segregation_waived: breaches.isOwnWork,
    blocked_waived: breaches.isBlocked,
    distinct_waived: breaches.isSecondDuty,
  });
}

/**
 * A new version starts the review again, unless the deployment keeps the state for older callers. Nothing is added to
 * what has ended, nor another client's portfolio.
 */
export function decideVersion(
  current: Pick<CurrentState, "current_state" | "portfolio_id" | "current_version_no">,
  portfolioId: string,
  rules: LifecycleRules,
): LifecycleDecision<{ readonly version_no: number; readonly to_state: ProposalState }> {
  if (isTerminal(current.current_state)) return refuse(TERMINAL_STATE);
  if (portfolioId !== current.portfolio_id && !rules.allowsPortfolioChangeOnNewVersion) {
    return refuse(PORTFOLIO_CONTEXT_MISMATCH);
  }
  const to_state = rules.newVersionRestartsReview ? "DRAFT" : current.current_state;
  return accept({ version_no: current.current_version_no + 1, to_state });
}

export function accept<T>(value: T): LifecycleDecision<T> {
  return { accepted: true, value };
}

export function refuse(refusal: ProposalRefusal): {
  readonly accepted: false;
  readonly refusal: ProposalRefusal;
} {
  return { accepted: false, refusal };
}
