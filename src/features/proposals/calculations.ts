import type { ProposalResult } from "../../contract/proposal.ts";
import { personOf } from "../../contract/person.ts";
import { faultsOf } from "../../engine/versions.ts";
import type { DocumentText } from "../../platform/body-type.ts";
import { contentHash } from "../../platform/hash.ts";
import { refusedInput, type RefusedInput } from "../../platform/refused-input.ts";
import { handedOver, wholeText, type Text } from "../../platform/text-parts.ts";
import type { Calculation } from "../../platform/threads.ts";
import { checkVersion, type CheckedVersion } from "./check-version.ts";
import { CreateBody, refusedDraft, SimulateBody, VersionBody } from "./bodies.ts";
import { hashOfEvent, leftBy, type EventRow } from "./event.ts";
import {
  draftVersion,
  packageSimulation,
  runSimulation,
  type SimulationContext,
  type VersionDraft,
} from "./prepare-version.ts";
import { createdText, hashOfProposal, type ProposalRow } from "./proposal.ts";
import type { Hashed } from "./verification.ts";
import { versionEvent, type MadeDocuments, type MadeVersion, type VersionRow } from "./version.ts";

/** A simulation: the text of its result, as it is stored and sent, or why the rules in force cannot take the request. */
export const CALCULATE_SIMULATION: Calculation<
  { readonly document: DocumentText; readonly context: SimulationContext },
  Text | RefusedInput
> = {
  name: "simulate a proposal",
  compute: ({ document, context }) => {
    const request = SimulateBody.valueOf(document);
    const refused = refusedInput(faultsOf(request, context.defaultRulesVersion));
    return refused ?? handedOver(runSimulation(request, document.text, context).result_text);
  },
};

export type ArtifactInput = {
  readonly document: DocumentText;
  readonly resultText: Text;
  /** The artifact's own time. */
  readonly packagedAt: string;
};

/** The artifact of a simulation that is stored. */
export const CALCULATE_ARTIFACT: Calculation<ArtifactInput, Text> = {
  name: "package an artifact",
  compute: ({ document, resultText, packagedAt }) => {
    const result_text = wholeText(resultText);
    // Our own bytes; a schema in between would cost more than the artifact.
    const result = JSON.parse(result_text) as ProposalResult;
    const { request_hash } = result.lineage;
    const simulation = { request_text: document.text, request_hash, result, result_text };
    return handedOver(
      packageSimulation(SimulateBody.valueOf(document), simulation, packagedAt).artifact_text,
    );
  },
};

/** A proposal as it will be stored, and the answer that says so. */
export type PreparedProposal = {
  readonly tenantId: string;
  readonly proposal: ProposalRow;
  readonly version: MadeVersion;
  readonly event: EventRow;
  readonly body: Text;
};

export type ProposalInput = {
  readonly document: DocumentText;
  readonly tenantId: string;
  readonly context: SimulationContext;
  readonly keepsEvidence: boolean;
  readonly createdAt: string;
  readonly proposalId: string;
  readonly versionId: string;
  readonly eventId: string;
  /** Whom the token of the request names; null where there was none. */
  readonly authenticatedSubject: string | null;
};

/** Simulation, artifact, hashes and answer of a new proposal. */
export const PREPARE_PROPOSAL: Calculation<ProposalInput, PreparedProposal | RefusedInput> = {
  name: "prepare a proposal",
  compute: ({ document, tenantId, context, keepsEvidence, createdAt, ...made }) => {
    const { created_by, metadata, simulate_request } = CreateBody.valueOf(document);
    const refused = refusedDraft(simulate_request, context.defaultRulesVersion);
    if (refused !== undefined) return refused;
    const { title, advisor_notes, jurisdiction, mandate_id } = metadata;
    const draft = handOver(draftVersion(simulate_request, context, createdAt, keepsEvidence));
    const origin = {
      proposal_id: made.proposalId,
      created_by,
      created_at: createdAt,
      correlation_id: context.correlationId,
    };
    const version = {
      ...draft,
      ...origin,
      created_by_folded: personOf(created_by),
      authenticated_subject: made.authenticatedSubject,
      version_no: 1,
      proposal_version_id: made.versionId,
    };
    const facts = { ...origin, title, advisor_notes, jurisdiction, mandate_id };
    const sealed = { proposal_hash: hashOfProposal(tenantId, facts) };
    const event = versionEvent(version, made.eventId, sealed, contentHash(document.text));
    const { portfolio_id } = version;
    const proposal = { ...facts, ...leftBy(event), portfolio_id, current_version_no: 1 };
    return { tenantId, proposal, version, event, body: createdText(proposal, version, event) };
  },
};

export type VersionInput = Pick<ProposalInput, "document" | "context" | "keepsEvidence" | "createdAt">;

export type MadeDraft = {
  readonly created_by: string;
  readonly draft: Omit<VersionDraft, keyof MadeDocuments> & MadeDocuments;
  /** Of the whole request, as its key is bound to it. */
  readonly payload_hash: string;
};

function handOver(draft: VersionDraft): MadeDraft["draft"] {
  return {
    ...draft,
    request_text: handedOver(draft.request_text),
    result_text: handedOver(draft.result_text),
    artifact_text: handedOver(draft.artifact_text),
  };
}

/** Simulation and artifact of a new version, and who made it. */
export const PREPARE_VERSION: Calculation<VersionInput, MadeDraft | RefusedInput> = {
  name: "prepare a version",
  compute: ({ document, context, keepsEvidence, createdAt }) => {
    const { created_by, simulate_request } = VersionBody.valueOf(document);
    const refused = refusedDraft(simulate_request, context.defaultRulesVersion);
    if (refused !== undefined) return refused;
    const draft = draftVersion(simulate_request, context, createdAt, keepsEvidence);
    return { created_by, draft: handOver(draft), payload_hash: contentHash(document.text) };
  },
};

/** The hashes that the contents of events give today. */
export const HASH_EVENTS: Calculation<readonly EventRow[], readonly Hashed<EventRow>[]> = {
  name: "hash events",
  compute: (events) =>
    events.map((event) => ({
      ...event,
      content_hash: hashOfEvent(event, event.previous_hash, event.hash_version),
    })),
};

/** Hashes the documents of versions again, and simulates their requests again. */
export const CHECK_VERSIONS: Calculation<readonly VersionRow[], readonly CheckedVersion[]> = {
  name: "check versions",
  compute: (versions) => versions.map(checkVersion),
};

/*
 * Estimates of this work, in positions that are calculated once: a record that is hashed is half of one, and so are 1,000
 * characters of its text; some 250 characters of the documents of a version are one.
 */

export function costOfEvents(events: readonly EventRow[]): number {
  return sum(events, ({ reason_text }) => 0.5 + reason_text.length / 2_000);
}

export function costOfVersions(versions: readonly VersionRow[]): number {
  return sum(
    versions,
    ({ request_text, result_text, artifact_text }) =>
      (request_text.length + result_text.length + artifact_text.length) / 250,
  );
}

function sum<Row>(rows: readonly Row[], cost: (row: Row) => number): number {
  return rows.reduce((total, row) => total + cost(row), 0);
}
