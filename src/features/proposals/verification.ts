import * as z from "zod";
import { contentHash } from "../../platform/hash.ts";
import { eventOfApproval, isTerminal, needsSecondPerson, stateAfter, type CurrentState } from "./core.ts";
import type { ApprovalRow, EventRow } from "./event.ts";
import { replay } from "./history.ts";
import { hashOfStoredArtifact, resimulate } from "./prepare-version.ts";
import { hashOfProposal, type ProposalRow } from "./proposal.ts";
import { hashOfVersion, type VersionRow } from "./version.ts";

export type FailureKind = "proposal" | "version" | "event" | "approval";

/** What does not hold. A record that is missing has no id to name; its number stands in for it. */
export type VerificationFailure = {
  readonly kind: FailureKind;
  readonly id: string;
  readonly reason: string;
};

/** A record with the hash that its content gives today. */
export type Hashed<Row> = Row & { readonly content_hash: string };

/** What is left of a version once it was checked by itself: its documents are no longer needed. */
export type CheckedVersion = Hashed<
  Pick<VersionRow, "version_no" | "proposal_version_id" | "created_by" | "portfolio_id">
> & {
  /** What does not hold of its documents. */
  readonly fault: string | null;
};

/** Everything that is stored of a proposal but the documents of its versions, each list in the order of its numbers. */
export type StoredProposal = {
  readonly proposal: ProposalRow;
  readonly versions: readonly CheckedVersion[];
  readonly events: readonly Hashed<EventRow>[];
  readonly approvals: readonly Hashed<ApprovalRow>[];
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
  if (event.previous_hash !== (previous?.event_hash ?? null)) {
    return previous === undefined
      ? "it is the first, but carries the hash of another"
      : `it does not carry the hash of the event before it (${previous.event_id})`;
  }
  return undefined;
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

function expectedState({ event_type, from_state }: EventRow): string | undefined {
  if (event_type === "CREATED") return from_state === null ? "DRAFT" : undefined;
  if (from_state === null) return undefined;
  if (event_type === "NEW_VERSION_CREATED") return isTerminal(from_state) ? undefined : from_state;
  return stateAfter(from_state, event_type);
}

function faultOfApprover(event: EventRow, makers: ReadonlyMap<number, string>): string | undefined {
  const isOwnWork =
    needsSecondPerson(event.event_type) && makers.get(event.related_version_no) === event.actor_id;
  return isOwnWork && !event.segregation_waived ? "the maker of the version approved it" : undefined;
}

function* verifyVersions({ proposal, versions, events }: StoredProposal): Generator<Finding> {
  const sealed = new Map(
    events.flatMap(({ version_hash, related_version_no }) =>
      version_hash === null ? [] : [[related_version_no, version_hash] as const],
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

function faultOfVersion(version: CheckedVersion, sealedHash: string | undefined): string | undefined {
  if (sealedHash === undefined) return "no event brought it";
  return version.content_hash === sealedHash ? undefined : "it is not what its event was sealed with";
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

function faultOfApproval(approval: Hashed<ApprovalRow>, event: EventRow | undefined): string | undefined {
  if (event?.approval_id !== approval.approval_id) return "no event came with it";
  if (approval.content_hash !== event.approval_hash) return "it is not what its event was sealed with";
  const eventType = eventOfApproval(approval.approval_type, approval.approved);
  const saysTheSame =
    event.event_type === eventType &&
    event.actor_id === approval.actor_id &&
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

/** Recomputes the hashes of a version from its stored bytes, and its result from its request. */
export function checkVersion(version: VersionRow): CheckedVersion {
  const { version_no, proposal_version_id, created_by, portfolio_id } = version;
  const content_hash = hashOfVersion(version);
  const fault = faultOfDocuments(version) ?? null;
  return { version_no, proposal_version_id, created_by, portfolio_id, content_hash, fault };
}

function faultOfDocuments(version: VersionRow): string | undefined {
  if (contentHash(version.request_text) !== version.request_hash)
    return "its request does not give its request_hash";
  if (contentHash(version.result_text) !== version.simulation_hash) {
    return "its result does not give its simulation_hash";
  }
  if (readsAs(version.artifact_text) !== version.artifact_hash)
    return "its artifact does not give its artifact_hash";
  // The artifact's own hash leaves out when and for whom it was made.
  if (contentHash(version.artifact_text) !== version.artifact_text_hash) {
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
function faultOfResimulation(version: VersionRow): string | undefined {
  const again = resimulate(version);
  if (again === undefined) return "its request cannot be read any more";
  if (again.result_text === version.result_text) return undefined;
  const madeBy = ResultRules.parse(JSON.parse(version.result_text)).lineage.rules_version;
  return madeBy === again.result.lineage.rules_version
    ? "its request, simulated again, gives another result"
    : undefined;
}
