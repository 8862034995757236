import type { Scope } from "../../platform/http/auth/scopes.ts";
import type {
  ApprovalType,
  ProposalApprovalRequest,
  ProposalEventType,
  ProposalState,
  ProposalStateTransitionRequest,
} from "./schemas.ts";

const BY_APPROVAL: Readonly<Record<ApprovalType, Scope>> = {
  RISK: "proposals:approve:risk",
  COMPLIANCE: "proposals:approve:compliance",
  CLIENT_CONSENT: "proposals:approve:consent",
};

/** Events that are somebody's alone; any other is the advisor's. */
const BY_EVENT: Partial<Readonly<Record<ProposalEventType, Scope>>> = {
  RISK_APPROVED: BY_APPROVAL.RISK,
  COMPLIANCE_APPROVED: BY_APPROVAL.COMPLIANCE,
  CLIENT_CONSENT_RECORDED: BY_APPROVAL.CLIENT_CONSENT,
  EXECUTED: "proposals:execute",
};

/** Who may reject: whoever could approve in that state. */
const BY_REJECTED_STATE: Partial<Readonly<Record<ProposalState, Scope>>> = {
  RISK_REVIEW: BY_APPROVAL.RISK,
  COMPLIANCE_REVIEW: BY_APPROVAL.COMPLIANCE,
  AWAITING_CLIENT_CONSENT: BY_APPROVAL.CLIENT_CONSENT,
};

export const APPROVAL_SCOPES: readonly Scope[] = Object.values(BY_APPROVAL);
export const TRANSITION_SCOPES: readonly Scope[] = [
  "proposals:write",
  ...APPROVAL_SCOPES,
  "proposals:execute",
];

/** All the scopes that a transition needs. A rejection that does not say of which review needs those of all. */
export function scopesOfTransition({
  event_type: event,
  expected_state: state,
}: ProposalStateTransitionRequest): readonly Scope[] {
  if (event !== "REJECTED") return [BY_EVENT[event] ?? "proposals:write"];
  const scope = state === null ? undefined : BY_REJECTED_STATE[state];
  return scope === undefined ? APPROVAL_SCOPES : [scope];
}

/** All the scopes that an approval, or its denial, needs. */
export function scopesOfApproval({ approval_type: type }: ProposalApprovalRequest): readonly Scope[] {
  return [BY_APPROVAL[type]];
}
