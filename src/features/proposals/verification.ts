import { personOf } from "../../contract/person.ts";
import type { CheckedVersion } from "./check-version.ts";
import { eventOfApproval, isTerminal, stateAfter, type CurrentState } from "./core.ts";
import { hashOfApproval, type ApprovalRow, type EventRow } from "./event.ts";
import { addApproval, approvalsOf, isNotForMaker, judgeStep, type Approvals } from "./four-eyes.ts";
import { replay } from "./history.ts";
import { hashOfProposal, type ProposalRow } from "./proposal.ts";
import { hashOfVersion, type VersionHeader } from "./version.ts";

export type FailureKind = "proposal" | "version" | "event" | "approval";

/** What does not hold. A record that is missing has no id to name; its number stands in for it. */
export type VerificationFailure = {
  readonly kind: FailureKind;
  readonly id: string;
  readonly reason: string;
};

/** A record with the hash that its content gives today. */
export type Hashed<Row> = Row & { readonly content_hash: string };

/** Everything that is stored of a proposal but the documents of its versions, each list in the order of its numbers. */
export type StoredProposal = {
  readonly proposal: ProposalRow;
  readonly versions: readonly CheckedVersion[];
  readonly events: readonly Hashed<EventRow>[];
  readonly approvals: readonly ApprovalRow[];
};

type Finding = { readonly id: string; readonly reason: string } | undefined;

/**
 * What does not hold of a proposal: numbers, hashes, legality, that each record is the one its event was sealed with, and
 * the documents of the versions. In the order of the history.
 */
export function verifyHistory(tenantId: string, stored: StoredProposal): VerificationFailure[] {
  return [
    ...stamped("event", verifyEvents(stored)),
    ...stamped("version", verifyVersions(stored)),
    ...stamped("approval", verifyApprovals(stored)),
    ...stamped("approval", verifyFourEyes(stored)),
    ...stamped("proposal", verifyProposalRow(tenantId, stored)),
    ...stamped("version", faultsOfDocuments(stored)),
  ];
}

function* stamped(kind: FailureKind, findings: Iterable<Finding>): Generator<VerificationFailure> {
  for (const finding of findings) if (finding !== undefined) yield { kind, ...finding };
}

function* verifyEvents({ proposal, versions, events }: StoredProposal): Generator<Finding> {
  const makers = new Map(versions.map(({ version_no, created_by }) => [version_no, created_by]));
  let previous: Hashed<EventRow> | undefined;
  let versionNo = 0;
  for (const event of events) {
    const expectedNo = (previous?.event_no ?? 0) + 1;
    if (event.event_no !== expectedNo) yield missing("event_no", expectedNo, event.event_no - 1);
    const reason =
      faultOfSeal(event, previous) ??
      faultOfMove(event, previous, versionNo) ??
      faultOfApprover(event, makers);
    if (reason !== undefined) yield { id: event.event_id, reason };
    if (event.version_hash !== null) versionNo = event.related_version_no;
    previous = event;
  }
  const last = previous?.event_no ?? 0;
  if (proposal.last_event_no > last) yield missing("event_no", last + 1, proposal.last_event_no);
}

function missing(number: string, first: number, last: number): Finding {
  const id = `${number} ${String(first)}`;
  return { id, reason: first === last ? "is missing" : `is missing, with all up to ${String(last)}` };
}

function faultOfSeal(event: Hashed<EventRow>, previous: EventRow | undefined): string | undefined {
  if (event.content_hash !== event.event_hash) return "its content does not give its hash";
  if (!isOfItsTime(event)) return "it holds what the hash version of its time does not cover";
  if (event.hash_version > 1 && event.actor_folded !== personOf(event.actor_id)) {
    return "its folded name is not that of its actor";
  }
  if (event.previous_hash !== (previous?.event_hash ?? null)) {
    return previous === undefined
      ? "it is the first, but carries the hash of another"
      : `it does not carry the hash of the event before it (${previous.event_id})`;
  }
  return undefined;
}

/** What hash version 1 did not know is not in its events. */
function isOfItsTime({ hash_version, ...event }: EventRow): boolean {
  if (hash_version > 1) return true;
  const isWaived = event.blocked_waived || event.distinct_waived;
  return event.actor_folded === null && event.authenticated_subject === null && !isWaived;
}

function faultOfMove(event: EventRow, previous: EventRow | undefined, versionNo: number): string | undefined {
  if (event.from_state !== (previous?.to_state ?? null))
    return "it does not start where the event before it ended";
  if (previous !== undefined && event.occurred_at < previous.occurred_at)
    return "it happened before the event before it";
  const bringsVersion = event.version_hash !== null;
  if (bringsVersion && event.related_version_no !== versionNo + 1) return "its version is not the next one";
  if (!bringsVersion && event.related_version_no > versionNo) return "its version did not exist yet";
  return event.to_state === expectedState(event) ? undefined : "the lifecycle has no such transition";
}

function expectedState({ event_type, from_state, to_state, hash_version }: EventRow): string | undefined {
  if (event_type === "CREATED") return from_state === null ? "DRAFT" : undefined;
  if (from_state === null) return undefined;
  if (event_type === "NEW_VERSION_CREATED") {
    if (isTerminal(from_state)) return undefined;
    // The deployment may have kept the state, as every version did under hash version 1.
    return hash_version > 1 && to_state === "DRAFT" ? "DRAFT" : from_state;
  }
  return stateAfter(from_state, event_type);
}

/** Under hash version 1, names were compared as they stood; later events are judged by `verifyFourEyes`. */
function faultOfApprover(event: EventRow, makers: ReadonlyMap<number, string>): string | undefined {
  if (event.hash_version > 1) return undefined;
  const isOwnWork =
    isNotForMaker(event.event_type) && makers.get(event.related_version_no) === event.actor_id;
  return isOwnWork && !event.segregation_waived ? "the maker of the version approved it" : undefined;
}

/**
 * The rules of four eyes, which are in force from the first event of hash version 2 on: what follows it under version 1 was
 * written by a process of before, and met the rules in the database. A decision is named by its approval, or by its event
 * where it came without one.
 */
function* verifyFourEyes({ versions, events }: StoredProposal): Generator<Finding> {
  const versionByNo = new Map(versions.map((version) => [version.version_no, version]));
  const approvals = approvalsOf([]);
  let newestNo = 0;
  let areInForce = false;
  for (const event of events) {
    areInForce ||= event.hash_version > 1;
    if (event.version_hash !== null) newestNo = event.related_version_no;
    const version = versionByNo.get(event.related_version_no);
    const reason =
      areInForce && version !== undefined ? faultOfStep(event, version, approvals, newestNo) : undefined;
    if (reason !== undefined) yield { id: event.approval_id ?? event.event_id, reason };
    addApproval(approvals, event);
  }
}

function faultOfStep(
  event: EventRow,
  version: VersionHeader,
  approvals: Approvals,
  newestNo: number,
): string | undefined {
  if (event.related_version_no < newestNo) return "version superseded";
  const breaches = judgeStep(event, version, approvals);
  if (breaches.isNotApproved) return "version not approved";
  if (breaches.isBlocked && !event.blocked_waived) return "version blocked";
  if (breaches.isOwnWork && !event.segregation_waived) return "maker approved";
  // Processes of before do not say that they do without this rule.
  const isWaived = event.distinct_waived || event.hash_version === 1;
  return breaches.isSecondDuty && !isWaived ? "one person has two duties" : undefined;
}

function* verifyVersions({ proposal, versions, events }: StoredProposal): Generator<Finding> {
  const sealed = new Map(
    events.flatMap((event) =>
      event.version_hash === null ? [] : [[event.related_version_no, event] as const],
    ),
  );
  let last = 0;
  for (const version of versions) {
    if (version.version_no !== last + 1) yield missing("version_no", last + 1, version.version_no - 1);
    const reason = faultOfVersion(version, sealed.get(version.version_no));
    if (reason !== undefined) yield { id: version.proposal_version_id, reason };
    last = version.version_no;
  }
  const expected = Math.max(proposal.current_version_no, ...sealed.keys());
  if (expected > last) yield missing("version_no", last + 1, expected);
}

function faultOfVersion(version: VersionHeader, event: EventRow | undefined): string | undefined {
  if (event === undefined) return "no event brought it";
  const { hash_version } = event;
  const { created_by, created_by_folded, authenticated_subject } = version;
  if (hashOfVersion(version, hash_version) !== event.version_hash) {
    return "it is not what its event was sealed with";
  }
  if (hash_version > 1) {
    return created_by_folded === personOf(created_by)
      ? undefined
      : "its folded name is not that of its maker";
  }
  return created_by_folded === null && authenticated_subject === null
    ? undefined
    : "it holds what the hash version of its time does not cover";
}

function* verifyApprovals({ approvals, events }: StoredProposal): Generator<Finding> {
  const eventByNo = new Map(events.map((event) => [event.event_no, event]));
  const found = new Set<string>();
  for (const approval of approvals) {
    found.add(approval.approval_id);
    const reason = faultOfApproval(approval, eventByNo.get(approval.event_no));
    if (reason !== undefined) yield { id: approval.approval_id, reason };
  }
  for (const { approval_id } of events) {
    if (approval_id !== null && !found.has(approval_id)) yield { id: approval_id, reason: "is missing" };
  }
}

function faultOfApproval(approval: ApprovalRow, event: EventRow | undefined): string | undefined {
  if (event?.approval_id !== approval.approval_id) return "no event came with it";
  if (hashOfApproval(approval, event.hash_version) !== event.approval_hash)
    return "it is not what its event was sealed with";
  const eventType = eventOfApproval(approval.approval_type, approval.approved);
  const saysTheSame =
    event.event_type === eventType &&
    event.actor_id === approval.actor_id &&
    event.authenticated_subject === approval.authenticated_subject &&
    event.occurred_at === approval.occurred_at &&
    event.related_version_no === approval.related_version_no;
  return saysTheSame ? undefined : "its event says something else";
}

const STATE_COLUMNS = [
  "current_state",
  "current_version_no",
  "last_event_no",
  "last_event_hash",
  "last_event_at",
  "portfolio_id",
] as const satisfies readonly (keyof CurrentState)[];

function* verifyProposalRow(
  tenantId: string,
  { proposal, versions, events }: StoredProposal,
): Generator<Finding> {
  const { proposal_id: id } = proposal;
  const [created] = events;
  if (created !== undefined && hashOfProposal(tenantId, proposal) !== created.proposal_hash) {
    yield { id, reason: "it is not what its first event was sealed with" };
  }
  const replayed = replay(events);
  const version = versions.find(({ version_no }) => version_no === replayed?.current_version_no);
  const expected = { ...replayed, portfolio_id: version?.portfolio_id };
  const wrong = STATE_COLUMNS.filter((column) => proposal[column] !== expected[column]);
  if (wrong.length > 0) yield { id, reason: `not where its events lead: ${wrong.join(", ")}` };
}

function* faultsOfDocuments({ versions }: StoredProposal): Generator<Finding> {
  for (const { proposal_version_id: id, fault } of versions) if (fault !== null) yield { id, reason: fault };
}
