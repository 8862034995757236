/** The lifecycle as its specification prints it: one line for each thing that may happen. Everything else may not. */
export const LEGAL = [
  "DRAFT SUBMITTED_FOR_RISK_REVIEW RISK_REVIEW",
  "DRAFT SUBMITTED_FOR_COMPLIANCE_REVIEW COMPLIANCE_REVIEW",
  "RISK_REVIEW RISK_APPROVED AWAITING_CLIENT_CONSENT",
  "RISK_REVIEW REJECTED REJECTED",
  "COMPLIANCE_REVIEW COMPLIANCE_APPROVED AWAITING_CLIENT_CONSENT",
  "COMPLIANCE_REVIEW REJECTED REJECTED",
  "AWAITING_CLIENT_CONSENT CLIENT_CONSENT_RECORDED EXECUTION_READY",
  "AWAITING_CLIENT_CONSENT REJECTED REJECTED",
  "EXECUTION_READY EXECUTED EXECUTED",
  "EXECUTION_READY EXPIRED EXPIRED",
  "DRAFT CANCELLED CANCELLED",
  "RISK_REVIEW CANCELLED CANCELLED",
  "COMPLIANCE_REVIEW CANCELLED CANCELLED",
  "AWAITING_CLIENT_CONSENT CANCELLED CANCELLED",
  "EXECUTION_READY CANCELLED CANCELLED",
];
export const TERMINAL = ["EXECUTED", "REJECTED", "CANCELLED", "EXPIRED"];

/** State, approval, whether it was given; the event that it writes and where that leads. */
export const LEGAL_APPROVALS = [
  "RISK_REVIEW RISK true RISK_APPROVED AWAITING_CLIENT_CONSENT",
  "RISK_REVIEW RISK false REJECTED REJECTED",
  "COMPLIANCE_REVIEW COMPLIANCE true COMPLIANCE_APPROVED AWAITING_CLIENT_CONSENT",
  "COMPLIANCE_REVIEW COMPLIANCE false REJECTED REJECTED",
  "AWAITING_CLIENT_CONSENT CLIENT_CONSENT true CLIENT_CONSENT_RECORDED EXECUTION_READY",
  "AWAITING_CLIENT_CONSENT CLIENT_CONSENT false REJECTED REJECTED",
];

/** What the model knows of a proposal. */
export type ModelProposal = {
  readonly state: string;
  readonly makers: readonly string[];
  /** Which of the versions are BLOCKED. */
  readonly blocked: readonly boolean[];
  /** What approves: the event, by whom, of which version. */
  readonly given: readonly { readonly event: string; readonly actor: string; readonly version: number }[];
  readonly events: readonly string[];
  readonly approvals: number;
};

export const CREATED: ModelProposal = {
  state: "DRAFT",
  makers: ["maker"],
  blocked: [false],
  given: [],
  events: ["CREATED"],
  approvals: 0,
};

export type ModelCommand =
  | {
      readonly kind: "transition";
      readonly event: string;
      readonly actor: string;
      readonly expected: string | null;
      readonly version: number | null;
    }
  | {
      readonly kind: "approval";
      readonly type: string;
      readonly approved: boolean;
      readonly actor: string;
      readonly expected: string | null;
      readonly version: number | null;
    }
  | {
      readonly kind: "version";
      readonly maker: string;
      readonly portfolio: string;
      readonly isBlocked: boolean;
    };

/** The rules that a deployment of the model can switch. */
export type ModelRules = {
  readonly newVersionRestartsReview: boolean;
  readonly allowsBlockedVersions: boolean;
  readonly requiresDistinctApprovers: boolean;
};

export type ModelStep = { readonly result: string; readonly after: ModelProposal };

/** What a command comes to, by the tables above and the rules around them, written down a second time. */
export function modelStep(before: ModelProposal, command: ModelCommand, rules: ModelRules): ModelStep {
  const stay = (result: string): ModelStep => ({ result, after: before });
  if (command.kind === "version") {
    if (TERMINAL.includes(before.state)) return stay("422 PROPOSAL_TERMINAL_STATE: cannot create version");
    if (command.portfolio !== "pf_1") return stay("422 PORTFOLIO_CONTEXT_MISMATCH");
    const makers = [...before.makers, command.maker];
    const blocked = [...before.blocked, command.isBlocked];
    const state = rules.newVersionRestartsReview ? "DRAFT" : before.state;
    const events = [...before.events, "NEW_VERSION_CREATED"];
    return { result: "200", after: { ...before, state, makers, blocked, events } };
  }
  if (command.expected === null) return stay("409 STATE_CONFLICT: expected_state is required");
  if (command.expected !== before.state) return stay("409 STATE_CONFLICT: expected_state mismatch");
  const version = command.version ?? before.makers.length;
  if (version > 0 && version < before.makers.length) return stay("409 STATE_CONFLICT: version superseded");
  const legal =
    command.kind === "transition"
      ? LEGAL.find((line) => line.startsWith(`${before.state} ${command.event} `))
      : LEGAL_APPROVALS.find((line) =>
          line.startsWith(`${before.state} ${command.type} ${String(command.approved)} `),
        );
  if (legal === undefined) {
    return stay(command.kind === "transition" ? "422 INVALID_TRANSITION" : "422 INVALID_APPROVAL_STATE");
  }
  const [event = "", state = ""] = legal.split(" ").slice(-2);
  const maker = before.makers[version - 1];
  if (maker === undefined) return stay("404 PROPOSAL_VERSION_NOT_FOUND");
  const refused = refusalOfStep(before, { event, actor: command.actor, version }, rules);
  if (refused !== undefined) return stay(refused);
  const approvals = before.approvals + (command.kind === "approval" ? 1 : 0);
  const given = APPROVING.includes(event)
    ? [...before.given, { event, actor: command.actor, version }]
    : before.given;
  return { result: "200", after: { ...before, state, events: [...before.events, event], approvals, given } };
}

const BANKS = ["RISK_APPROVED", "COMPLIANCE_APPROVED"];
const APPROVING = [...BANKS, "CLIENT_CONSENT_RECORDED"];
const STEPS = [...APPROVING, "SUBMITTED_FOR_RISK_REVIEW", "SUBMITTED_FOR_COMPLIANCE_REVIEW", "EXECUTED"];

/** Four eyes: what the version needs, then who may. */
function refusalOfStep(
  before: ModelProposal,
  { event, actor, version }: { readonly event: string; readonly actor: string; readonly version: number },
  rules: ModelRules,
): string | undefined {
  const ofVersion = before.given
    .filter((approval) => approval.version === version)
    .map((given) => given.event);
  const hasBanks = BANKS.some((type) => ofVersion.includes(type));
  const hasConsent = ofVersion.includes("CLIENT_CONSENT_RECORDED");
  const isConsentEarly = event === "CLIENT_CONSENT_RECORDED" && !hasBanks;
  const isExecutionEarly = event === "EXECUTED" && !(hasBanks && hasConsent);
  if (isConsentEarly || isExecutionEarly) return "409 STATE_CONFLICT: version not approved";
  if (STEPS.includes(event) && before.blocked[version - 1] === true && !rules.allowsBlockedVersions) {
    return "409 STATE_CONFLICT: version blocked";
  }
  const isBanks = BANKS.includes(event);
  const isSame = (name: string | undefined) => name?.toLowerCase() === actor.toLowerCase();
  if (isBanks && isSame(before.makers[version - 1])) return "403 SEGREGATION_OF_DUTIES";
  const isSecondDuty =
    (isBanks || event === "EXECUTED") &&
    before.given.some((other) => BANKS.includes(other.event) && other.event !== event && isSame(other.actor));
  return isSecondDuty && rules.requiresDistinctApprovers ? "403 SEGREGATION_OF_DUTIES" : undefined;
}
