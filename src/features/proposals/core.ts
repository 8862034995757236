import type {
  ApprovalType,
  ProposalApprovalRequest,
  ProposalEventType,
  ProposalState,
  ProposalStateTransitionRequest,
} from "./schemas.ts";
import {
  approvesVersion,
  eventOfApproval,
  isTerminal,
  mayDecideApproval,
  needsSecondPerson,
  stateAfter,
} from "./state-table.ts";

/** Why a command is refused: the status and the stable code of the contract. */
export type Refusal = { readonly status: 403 | 404 | 409 | 422; readonly detail: string };

/** The rules that a deployment can switch. */
export type LifecycleRules = {
  readonly requiresExpectedState: boolean;
  readonly requiresSegregationOfDuties: boolean;
  readonly requiresSimulationFlag: boolean;
  readonly allowsPortfolioChangeOnNewVersion: boolean;
};

/** What a decision is made on, read under the proposal's lock. */
export type DecisionFacts = {
  readonly state: ProposalState;
  readonly currentVersionNo: number;
  /** Who made the version that the command is about; undefined where there is no such version. */
  readonly makerOfVersion: string | undefined;
};

/** The event that a command comes to. */
export type Move = {
  readonly eventType: ProposalEventType;
  readonly fromState: ProposalState;
  readonly toState: ProposalState;
  readonly versionNo: number;
  readonly segregationWaived: boolean;
};

export type Decision<T> =
  { readonly accepted: true; readonly value: T } | { readonly accepted: false; readonly refusal: Refusal };

export const PROPOSAL_NOT_FOUND: Refusal = { status: 404, detail: "PROPOSAL_NOT_FOUND" };
export const PROPOSAL_VERSION_NOT_FOUND: Refusal = { status: 404, detail: "PROPOSAL_VERSION_NOT_FOUND" };
export const PROPOSAL_SIMULATION_DISABLED: Refusal = {
  status: 422,
  detail: "PROPOSAL_SIMULATION_DISABLED: set options.enable_proposal_simulation=true",
};
const EXPECTED_STATE_REQUIRED: Refusal = {
  status: 409,
  detail: "STATE_CONFLICT: expected_state is required",
};
const EXPECTED_STATE_MISMATCH: Refusal = { status: 409, detail: "STATE_CONFLICT: expected_state mismatch" };
const VERSION_SUPERSEDED: Refusal = { status: 409, detail: "STATE_CONFLICT: version superseded" };
const INVALID_TRANSITION: Refusal = { status: 422, detail: "INVALID_TRANSITION" };
const INVALID_APPROVAL_STATE: Refusal = { status: 422, detail: "INVALID_APPROVAL_STATE" };
const TERMINAL_STATE: Refusal = { status: 422, detail: "PROPOSAL_TERMINAL_STATE: cannot create version" };
const PORTFOLIO_CONTEXT_MISMATCH: Refusal = { status: 422, detail: "PORTFOLIO_CONTEXT_MISMATCH" };
const SEGREGATION_OF_DUTIES: Refusal = { status: 403, detail: "SEGREGATION_OF_DUTIES" };

/** What a refused caller can do nothing about stays refused under its key (409, 422); 403 and 404 leave it free. */
export function dependsOnState(refusal: Refusal): boolean {
  return refusal.status === 409 || refusal.status === 422;
}

/**
 * The checks of a transition, in the order that makes one answer of several: the state that the caller saw, then
 * whether the event is legal, then the version, and at last the person.
 */
export function decideTransition(
  facts: DecisionFacts,
  command: Pick<
    ProposalStateTransitionRequest,
    "event_type" | "actor_id" | "related_version_no" | "expected_state"
  >,
  rules: LifecycleRules,
): Decision<Move> {
  const stale = judgeExpectedState(facts.state, command.expected_state, rules);
  if (stale !== undefined) return refuse(stale);
  const toState = stateAfter(facts.state, command.event_type);
  if (toState === undefined) return refuse(INVALID_TRANSITION);
  const isForNewest = approvesVersion(command.event_type);
  return decideMove(facts, { ...command, eventType: command.event_type, toState, isForNewest }, rules);
}

/** Like a transition; a denial, too, is for the newest version, as whoever denies an older one has not seen it. */
export function decideApproval(
  facts: DecisionFacts,
  command: Pick<
    ProposalApprovalRequest,
    "approval_type" | "approved" | "actor_id" | "related_version_no" | "expected_state"
  >,
  rules: LifecycleRules,
): Decision<Move> {
  const stale = judgeExpectedState(facts.state, command.expected_state, rules);
  if (stale !== undefined) return refuse(stale);
  const event = approvalEvent(facts.state, command.approval_type, command.approved);
  if (event === undefined) return refuse(INVALID_APPROVAL_STATE);
  return decideMove(facts, { ...command, ...event, isForNewest: true }, rules);
}

function approvalEvent(
  state: ProposalState,
  type: ApprovalType,
  approved: boolean,
): { eventType: ProposalEventType; toState: ProposalState } | undefined {
  if (!mayDecideApproval(type, state)) return undefined;
  const eventType = eventOfApproval(type, approved);
  const toState = stateAfter(state, eventType);
  return toState === undefined ? undefined : { eventType, toState };
}

function judgeExpectedState(
  state: ProposalState,
  expected: ProposalState | null,
  rules: LifecycleRules,
): Refusal | undefined {
  if (expected === null) return rules.requiresExpectedState ? EXPECTED_STATE_REQUIRED : undefined;
  return expected === state ? undefined : EXPECTED_STATE_MISMATCH;
}

type LegalEvent = {
  readonly eventType: ProposalEventType;
  readonly toState: ProposalState;
  readonly actor_id: string;
  readonly related_version_no: number | null;
  readonly isForNewest: boolean;
};

function decideMove(facts: DecisionFacts, event: LegalEvent, rules: LifecycleRules): Decision<Move> {
  const versionNo = event.related_version_no ?? facts.currentVersionNo;
  if (facts.makerOfVersion === undefined) return refuse(PROPOSAL_VERSION_NOT_FOUND);
  if (event.isForNewest && versionNo !== facts.currentVersionNo) return refuse(VERSION_SUPERSEDED);
  const isOwnWork = needsSecondPerson(event.eventType) && event.actor_id === facts.makerOfVersion;
  if (isOwnWork && rules.requiresSegregationOfDuties) return refuse(SEGREGATION_OF_DUTIES);
  return accept({
    eventType: event.eventType,
    fromState: facts.state,
    toState: event.toState,
    versionNo,
    segregationWaived: isOwnWork,
  });
}

/** A new version leaves the state as it is; nothing is added to what has ended, nor another client's portfolio. */
export function decideVersion(
  standing: { readonly state: ProposalState; readonly portfolioId: string; readonly versionNo: number },
  portfolioId: string,
  rules: LifecycleRules,
): Decision<{ readonly versionNo: number }> {
  if (isTerminal(standing.state)) return refuse(TERMINAL_STATE);
  if (portfolioId !== standing.portfolioId && !rules.allowsPortfolioChangeOnNewVersion) {
    return refuse(PORTFOLIO_CONTEXT_MISMATCH);
  }
  return accept({ versionNo: standing.versionNo + 1 });
}

/** The clocks of several machines differ; a history does not go back in time. */
export function notBefore(now: string, lastEventAt: string): string {
  return now > lastEventAt ? now : lastEventAt;
}

function accept<T>(value: T): Decision<T> {
  return { accepted: true, value };
}

function refuse(refusal: Refusal): { accepted: false; refusal: Refusal } {
  return { accepted: false, refusal };
}
