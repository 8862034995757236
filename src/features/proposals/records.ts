import type { ApprovalType, ProposalEventType, ProposalState } from "./schemas.ts";

/** What a proposal is from its first day on. */
export type ProposalFacts = {
  readonly proposalId: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly correlationId: string;
  readonly title: string | null;
  readonly advisorNotes: string | null;
  readonly jurisdiction: string | null;
  readonly mandateId: string | null;
};

/** Where its history has brought it: what the newest event left behind. */
export type ProposalStanding = {
  readonly portfolioId: string;
  readonly state: ProposalState;
  readonly versionNo: number;
  readonly lastEventNo: number;
  readonly lastEventHash: string;
  readonly lastEventAt: string;
};

export type ProposalRecord = { readonly facts: ProposalFacts; readonly standing: ProposalStanding };

/** A version without its documents, of which it has the hashes. */
export type VersionHeader = {
  readonly proposalId: string;
  readonly versionNo: number;
  readonly proposalVersionId: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
  readonly portfolioId: string;
  readonly status: string;
  readonly engineVersion: string;
  readonly requestHash: string;
  readonly simulationHash: string;
  readonly artifactHash: string;
  /** Over the very bytes of the artifact; its time and key, which artifactHash leaves out, included. */
  readonly artifactTextHash: string;
  readonly keepsEvidence: boolean;
  /** Canonical JSON of the gate decision; null where the workflow gates are off. */
  readonly gateText: string | null;
};

/** The documents of a version, byte for byte as they were hashed and sent. */
export type VersionDocuments = {
  readonly requestText: string;
  readonly resultText: string;
  readonly artifactText: string;
};

export type VersionRecord = VersionHeader & VersionDocuments;

/** A version as far as an answer shows it. `requestText` null: the evidence bundle is not wanted. */
export type ShownVersion = VersionHeader &
  Omit<VersionDocuments, "requestText"> & { readonly requestText: string | null };

/** An event before it is sealed into the chain. */
export type EventDraft = {
  readonly proposalId: string;
  readonly eventNo: number;
  readonly eventId: string;
  readonly eventType: ProposalEventType;
  readonly fromState: ProposalState | null;
  readonly toState: ProposalState;
  readonly actorId: string;
  readonly occurredAt: string;
  readonly correlationId: string;
  /** Canonical JSON of the reason, as it was given. */
  readonly reasonText: string;
  readonly relatedVersionNo: number;
  /** The maker of the version approved it, with segregation of duties switched off. */
  readonly segregationWaived: boolean;
  /** Of the proposal's facts: with CREATED. */
  readonly proposalHash: string | null;
  /** Of the version that came with it: with CREATED and NEW_VERSION_CREATED. */
  readonly versionHash: string | null;
  /** The approval that came with it, and its hash. */
  readonly approvalId: string | null;
  readonly approvalHash: string | null;
};

/** A link of the chain. */
export type EventRecord = EventDraft & {
  /** Null for the first. */
  readonly previousHash: string | null;
  readonly eventHash: string;
};

export type ApprovalRecord = {
  readonly proposalId: string;
  readonly approvalId: string;
  /** The event that it came with. */
  readonly eventNo: number;
  readonly approvalType: ApprovalType;
  readonly approved: boolean;
  readonly actorId: string;
  readonly occurredAt: string;
  /** Canonical JSON of the details, as they were given. */
  readonly detailsText: string;
  readonly relatedVersionNo: number;
};
