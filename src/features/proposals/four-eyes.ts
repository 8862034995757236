import { personOf } from "../../contract/person.ts";
import type { ProposalEventType } from "./schemas.ts";

/** Duties that a deployment may want to see in different hands. */
type Duty = "RISK" | "COMPLIANCE" | "EXECUTION";

/** What an event that brings a version nearer to execution demands. */
type StepRule = {
  /** The approvals that lead there, all of this very version: one event of each list. */
  readonly after: readonly (readonly ProposalEventType[])[];
  /** The maker of the version cannot take it. */
  readonly isNotForMaker: boolean;
  readonly duty: Duty | null;
};

const BANKS_APPROVALS = ["RISK_APPROVED", "COMPLIANCE_APPROVED"] as const;
const CONSENT = ["CLIENT_CONSENT_RECORDED"] as const;
const SUBMISSION: StepRule = { after: [], isNotForMaker: false, duty: null };

/** The rules of four eyes as data. None of these steps is for a BLOCKED version; what is not here ends or adds. */
const STEPS: Readonly<Partial<Record<ProposalEventType, StepRule>>> = {
  SUBMITTED_FOR_RISK_REVIEW: SUBMISSION,
  SUBMITTED_FOR_COMPLIANCE_REVIEW: SUBMISSION,
  RISK_APPROVED: { after: [], isNotForMaker: true, duty: "RISK" },
  COMPLIANCE_APPROVED: { after: [], isNotForMaker: true, duty: "COMPLIANCE" },
  CLIENT_CONSENT_RECORDED: { after: [BANKS_APPROVALS], isNotForMaker: false, duty: null },
  EXECUTED: { after: [BANKS_APPROVALS, CONSENT], isNotForMaker: false, duty: "EXECUTION" },
};

/** The events that approve a version. */
export const APPROVING_EVENTS: readonly ProposalEventType[] = [...BANKS_APPROVALS, ...CONSENT];

export type PastApproval = {
  readonly event_type: ProposalEventType;
  readonly actor_id: string;
  readonly related_version_no: number;
};

/** What is judged of the version that an event is for. */
export type JudgedVersion = { readonly created_by: string; readonly status_at_creation: string };

/** Which rules an event breaks. A deployment may waive all but the first. */
export type Breaches = {
  /** An approval that leads there is missing, or is of another version. */
  readonly isNotApproved: boolean;
  readonly isBlocked: boolean;
  /** The maker of the version approves it. */
  readonly isOwnWork: boolean;
  /** The same person has another duty in this proposal, be it for an older version. */
  readonly isSecondDuty: boolean;
};

const NO_BREACH: Breaches = {
  isNotApproved: false,
  isBlocked: false,
  isOwnWork: false,
  isSecondDuty: false,
};

/** What the approving events of a history come to. It grows with the history, which is judged in the time of its length. */
export type Approvals = {
  readonly typesByVersion: Map<number, Set<ProposalEventType>>;
  /** People as they are compared. */
  readonly peopleByDuty: Map<Duty, Set<string>>;
};

export function approvalsOf(events: readonly PastApproval[]): Approvals {
  const approvals: Approvals = { typesByVersion: new Map(), peopleByDuty: new Map() };
  for (const event of events) addApproval(approvals, event);
  return approvals;
}

/** Adds an event to what has come before it; one that approves nothing changes nothing. */
export function addApproval(approvals: Approvals, event: PastApproval): void {
  const { event_type, related_version_no, actor_id } = event;
  if (!APPROVING_EVENTS.includes(event_type)) return;
  addTo(approvals.typesByVersion, related_version_no, event_type);
  const duty = STEPS[event_type]?.duty ?? null;
  if (duty !== null) addTo(approvals.peopleByDuty, duty, personOf(actor_id));
}

function addTo<Key, Member>(sets: Map<Key, Set<Member>>, key: Key, member: Member): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(member));
}

/** Judges an event by the approvals before it, of whichever version. */
export function judgeStep(event: PastApproval, version: JudgedVersion, approvals: Approvals): Breaches {
  const step = STEPS[event.event_type];
  if (step === undefined) return NO_BREACH;
  const given = approvals.typesByVersion.get(event.related_version_no);
  const person = personOf(event.actor_id);
  return {
    isNotApproved: step.after.some((types) => !types.some((type) => given?.has(type))),
    isBlocked: version.status_at_creation === "BLOCKED",
    isOwnWork: step.isNotForMaker && personOf(version.created_by) === person,
    isSecondDuty: step.duty !== null && hasOtherDuty(person, step.duty, approvals),
  };
}

function hasOtherDuty(person: string, duty: Duty, { peopleByDuty }: Approvals): boolean {
  return [...peopleByDuty].some(([other, people]) => other !== duty && people.has(person));
}

/** Events that the maker of a version cannot be behind. */
export function isNotForMaker(event: ProposalEventType): boolean {
  return STEPS[event]?.isNotForMaker === true;
}
