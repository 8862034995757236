import * as z from "zod";
import { contentHash } from "../../platform/hash.ts";
import { hashOfApproval, hashOfEvent, hashOfProposal, hashOfVersion } from "./chain.ts";
import { foldEvents } from "./history.ts";
import { hashOfStoredArtifact, resimulate } from "./prepare.ts";
import type { ApprovalRecord, EventRecord, ProposalRecord, VersionHeader, VersionRecord } from "./records.ts";
import { eventOfApproval, isTerminal, needsSecondPerson, stateAfter } from "./state-table.ts";

export type FailureKind = "proposal" | "version" | "event" | "approval";

/** What does not hold. A record that is missing has no id to name; its number stands in for it. */
export type VerificationFailure = {
  readonly kind: FailureKind;
  readonly id: string;
  readonly reason: string;
};

/** Everything that is stored of a proposal but the documents of its versions, each list in the order of its numbers. */
export type StoredProposal = {
  readonly proposal: ProposalRecord;
  readonly versions: readonly VersionHeader[];
  readonly events: readonly EventRecord[];
  readonly approvals: readonly ApprovalRecord[];
};

type Finding = { readonly id: string; readonly reason: string } | undefined;

/**
 * Recomputes the history of a proposal from what is stored: numbers, hashes, legality, and that each record is the one
 * its event was sealed with. One failure for each record, in the order of the history.
 */
export function verifyHistory(tenantId: string, stored: StoredProposal): VerificationFailure[] {
  return [
    ...stamped("event", verifyEvents(stored)),
    ...stamped("version", verifyVersions(stored)),
    ...stamped("approval", verifyApprovals(stored)),
    ...stamped("proposal", verifyStanding(tenantId, stored)),
  ];
}

function* stamped(kind: FailureKind, findings: Iterable<Finding>): Generator<VerificationFailure> {
  for (const finding of findings) if (finding !== undefined) yield { kind, ...finding };
}

function* verifyEvents({ proposal, versions, events }: StoredProposal): Generator<Finding> {
  const makers = new Map(versions.map(({ versionNo, createdBy }) => [versionNo, createdBy]));
  let previous: EventRecord | undefined;
  let versionNo = 0;
  for (const event of events) {
    const expectedNo = (previous?.eventNo ?? 0) + 1;
    if (event.eventNo !== expectedNo) yield missing("event_no", expectedNo, event.eventNo - 1);
    const reason =
      faultOfSeal(event, previous) ??
      faultOfMove(event, previous, versionNo) ??
      faultOfApprover(event, makers);
    if (reason !== undefined) yield { id: event.eventId, reason };
    if (event.versionHash !== null) versionNo = event.relatedVersionNo;
    previous = event;
  }
  const last = previous?.eventNo ?? 0;
  if (proposal.standing.lastEventNo > last)
    yield missing("event_no", last + 1, proposal.standing.lastEventNo);
}

function missing(number: string, first: number, last: number): Finding {
  const id = `${number} ${String(first)}`;
  return { id, reason: first === last ? "is missing" : `is missing, with all up to ${String(last)}` };
}

function faultOfSeal(event: EventRecord, previous: EventRecord | undefined): string | undefined {
  if (hashOfEvent(event, event.previousHash) !== event.eventHash) return "its content does not give its hash";
  if (event.previousHash !== (previous?.eventHash ?? null)) {
    return previous === undefined
      ? "it is the first, but carries the hash of another"
      : `it does not carry the hash of the event before it (${previous.eventId})`;
  }
  return undefined;
}

function faultOfMove(
  event: EventRecord,
  previous: EventRecord | undefined,
  versionNo: number,
): string | undefined {
  if (event.fromState !== (previous?.toState ?? null))
    return "it does not start where the event before it ended";
  if (previous !== undefined && event.occurredAt < previous.occurredAt)
    return "it happened before the event before it";
  const bringsVersion = event.versionHash !== null;
  if (bringsVersion && event.relatedVersionNo !== versionNo + 1) return "its version is not the next one";
  if (!bringsVersion && event.relatedVersionNo > versionNo) return "its version did not exist yet";
  return event.toState === expectedState(event) ? undefined : "the lifecycle has no such transition";
}

function expectedState({ eventType, fromState }: EventRecord): string | undefined {
  if (eventType === "CREATED") return fromState === null ? "DRAFT" : undefined;
  if (fromState === null) return undefined;
  if (eventType === "NEW_VERSION_CREATED") return isTerminal(fromState) ? undefined : fromState;
  return stateAfter(fromState, eventType);
}

function faultOfApprover(event: EventRecord, makers: ReadonlyMap<number, string>): string | undefined {
  const isOwnWork =
    needsSecondPerson(event.eventType) && makers.get(event.relatedVersionNo) === event.actorId;
  return isOwnWork && !event.segregationWaived ? "the maker of the version approved it" : undefined;
}

function* verifyVersions({ proposal, versions, events }: StoredProposal): Generator<Finding> {
  const sealed = new Map(
    events.flatMap(({ versionHash, relatedVersionNo }) =>
      versionHash === null ? [] : [[relatedVersionNo, versionHash] as const],
    ),
  );
  let last = 0;
  for (const version of versions) {
    if (version.versionNo !== last + 1) yield missing("version_no", last + 1, version.versionNo - 1);
    const reason = faultOfVersion(version, sealed.get(version.versionNo));
    if (reason !== undefined) yield { id: version.proposalVersionId, reason };
    last = version.versionNo;
  }
  const expected = Math.max(proposal.standing.versionNo, ...sealed.keys());
  if (expected > last) yield missing("version_no", last + 1, expected);
}

function faultOfVersion(version: VersionHeader, sealedHash: string | undefined): string | undefined {
  if (sealedHash === undefined) return "no event brought it";
  return hashOfVersion(version) === sealedHash ? undefined : "it is not what its event was sealed with";
}

function* verifyApprovals({ approvals, events }: StoredProposal): Generator<Finding> {
  const eventByNo = new Map(events.map((event) => [event.eventNo, event]));
  const found = new Set<string>();
  for (const approval of approvals) {
    found.add(approval.approvalId);
    const reason = faultOfApproval(approval, eventByNo.get(approval.eventNo));
    if (reason !== undefined) yield { id: approval.approvalId, reason };
  }
  for (const { approvalId } of events) {
    if (approvalId !== null && !found.has(approvalId)) yield { id: approvalId, reason: "is missing" };
  }
}

function faultOfApproval(approval: ApprovalRecord, event: EventRecord | undefined): string | undefined {
  if (event?.approvalId !== approval.approvalId) return "no event came with it";
  if (hashOfApproval(approval) !== event.approvalHash) return "it is not what its event was sealed with";
  const eventType = eventOfApproval(approval.approvalType, approval.approved);
  const saysTheSame =
    event.eventType === eventType &&
    event.actorId === approval.actorId &&
    event.occurredAt === approval.occurredAt &&
    event.relatedVersionNo === approval.relatedVersionNo;
  return saysTheSame ? undefined : "its event says something else";
}

function* verifyStanding(
  tenantId: string,
  { proposal, versions, events }: StoredProposal,
): Generator<Finding> {
  const { facts, standing } = proposal;
  const id = facts.proposalId;
  const [created] = events;
  if (created !== undefined && hashOfProposal(tenantId, facts) !== created.proposalHash) {
    yield { id, reason: "it is not what its first event was sealed with" };
  }
  const folded = foldEvents(events);
  const current = versions.find(({ versionNo }) => versionNo === folded?.versionNo);
  const stands: Readonly<Record<string, boolean>> = {
    current_state: standing.state === folded?.state,
    current_version_no: standing.versionNo === folded?.versionNo,
    last_event_no: standing.lastEventNo === folded?.lastEventNo,
    last_event_hash: standing.lastEventHash === folded?.lastEventHash,
    last_event_at: standing.lastEventAt === folded?.lastEventAt,
    portfolio_id: standing.portfolioId === current?.portfolioId,
  };
  const wrong = Object.keys(stands).filter((name) => stands[name] === false);
  if (wrong.length > 0) yield { id, reason: `not where its events lead: ${wrong.join(", ")}` };
}

/** Recomputes the hashes of a version from its stored bytes, and its result from its request. */
export function verifyDocuments(version: VersionRecord): VerificationFailure[] {
  const reason = faultOfDocuments(version);
  return reason === undefined ? [] : [{ kind: "version", id: version.proposalVersionId, reason }];
}

function faultOfDocuments(version: VersionRecord): string | undefined {
  if (contentHash(version.requestText) !== version.requestHash)
    return "its request does not give its request_hash";
  if (contentHash(version.resultText) !== version.simulationHash) {
    return "its result does not give its simulation_hash";
  }
  if (readsAs(version.artifactText) !== version.artifactHash)
    return "its artifact does not give its artifact_hash";
  // The artifact's own hash leaves out when and for whom it was made.
  if (contentHash(version.artifactText) !== version.artifactTextHash) {
    return "its artifact does not give its artifact_text_hash";
  }
  return faultOfResimulation(version);
}

/** A text that is no JSON any more has no hash that could be right. */
function readsAs(artifactText: string): string | undefined {
  try {
    return hashOfStoredArtifact(artifactText);
  } catch {
    return undefined;
  }
}

const ResultRules = z.object({ lineage: z.object({ rules_version: z.string() }) });

/** A result is reproduced by the rules that made it; under other rules, its hash alone speaks for it. */
function faultOfResimulation(version: VersionRecord): string | undefined {
  const again = resimulate(version);
  if (again === undefined) return "its request cannot be read any more";
  if (again.resultText === version.resultText) return undefined;
  const madeBy = ResultRules.parse(JSON.parse(version.resultText)).lineage.rules_version;
  return madeBy === again.result.lineage.rules_version
    ? "its request, simulated again, gives another result"
    : undefined;
}
