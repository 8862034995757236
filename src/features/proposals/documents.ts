import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinArray, joinObject } from "../../platform/json/join-json.ts";
import type {
  ApprovalRecord,
  EventRecord,
  ProposalRecord,
  ShownVersion,
  VersionHeader,
  VersionRecord,
} from "./records.ts";

/** The answers of the contract, as canonical text. Stored documents go in as they are. */

export function summaryText({ facts, standing }: ProposalRecord): string {
  return canonicalJson({
    created_at: facts.createdAt,
    created_by: facts.createdBy,
    current_state: standing.state,
    current_version_no: standing.versionNo,
    jurisdiction: facts.jurisdiction,
    last_event_at: standing.lastEventAt,
    mandate_id: facts.mandateId,
    portfolio_id: standing.portfolioId,
    proposal_id: facts.proposalId,
    title: facts.title,
  });
}

export function versionText(version: ShownVersion): string {
  const { requestText, keepsEvidence } = version;
  return joinObject({
    artifact: version.artifactText,
    artifact_hash: canonicalJson(version.artifactHash),
    created_at: canonicalJson(version.createdAt),
    evidence_bundle: keepsEvidence && requestText !== null ? evidenceText({ ...version, requestText }) : "{}",
    gate_decision: version.gateText ?? "null",
    proposal_id: canonicalJson(version.proposalId),
    proposal_result: version.resultText,
    proposal_version_id: canonicalJson(version.proposalVersionId),
    request_hash: canonicalJson(version.requestHash),
    simulation_hash: canonicalJson(version.simulationHash),
    status_at_creation: canonicalJson(version.status),
    version_no: canonicalJson(version.versionNo),
  });
}

type Evidence = Pick<
  VersionRecord,
  "requestText" | "resultText" | "requestHash" | "artifactHash" | "engineVersion"
>;

/**
 * The evidence bundle of an artifact, from the very bytes of request and result: the inputs are the request, member by
 * member.
 */
export function evidenceText(evidence: Evidence): string {
  return joinObject({
    engine_outputs: joinObject({ proposal_result: evidence.resultText }),
    engine_version: canonicalJson(evidence.engineVersion),
    hashes: canonicalJson({ artifact_hash: evidence.artifactHash, request_hash: evidence.requestHash }),
    inputs: evidence.requestText,
  });
}

export function eventText(event: EventRecord): string {
  return joinObject({
    actor_id: canonicalJson(event.actorId),
    event_id: canonicalJson(event.eventId),
    event_type: canonicalJson(event.eventType),
    from_state: canonicalJson(event.fromState),
    occurred_at: canonicalJson(event.occurredAt),
    proposal_id: canonicalJson(event.proposalId),
    reason: event.reasonText,
    related_version_no: canonicalJson(event.relatedVersionNo),
    to_state: canonicalJson(event.toState),
  });
}

export function approvalText(approval: ApprovalRecord): string {
  return joinObject({
    actor_id: canonicalJson(approval.actorId),
    approval_id: canonicalJson(approval.approvalId),
    approval_type: canonicalJson(approval.approvalType),
    approved: canonicalJson(approval.approved),
    details: approval.detailsText,
    occurred_at: canonicalJson(approval.occurredAt),
    proposal_id: canonicalJson(approval.proposalId),
    related_version_no: canonicalJson(approval.relatedVersionNo),
  });
}

/** The answer to creating a proposal or a version of it. */
export function createdText(proposal: ProposalRecord, version: VersionRecord, event: EventRecord): string {
  return joinObject({
    latest_workflow_event: eventText(event),
    proposal: summaryText(proposal),
    version: versionText(version),
  });
}

export function transitionText(event: EventRecord, approval: ApprovalRecord | null): string {
  return joinObject({
    approval: approval === null ? "null" : approvalText(approval),
    current_state: canonicalJson(event.toState),
    latest_workflow_event: eventText(event),
    proposal_id: canonicalJson(event.proposalId),
  });
}

export function detailText(proposal: ProposalRecord, version: ShownVersion): string {
  return joinObject({
    current_version: versionText(version),
    last_gate_decision: version.gateText ?? "null",
    proposal: summaryText(proposal),
  });
}

export function timelineText(proposalId: string, state: string, events: readonly EventRecord[]): string {
  return joinObject({
    current_state: canonicalJson(state),
    events: joinArray(events.map(eventText)),
    proposal_id: canonicalJson(proposalId),
  });
}

export function approvalsText(proposalId: string, approvals: readonly ApprovalRecord[]): string {
  return joinObject({
    approvals: joinArray(approvals.map(approvalText)),
    proposal_id: canonicalJson(proposalId),
  });
}

export function lineageText(proposal: ProposalRecord, versions: readonly VersionHeader[]): string {
  const items = versions.map((version) =>
    canonicalJson({
      artifact_hash: version.artifactHash,
      created_at: version.createdAt,
      proposal_version_id: version.proposalVersionId,
      request_hash: version.requestHash,
      simulation_hash: version.simulationHash,
      status_at_creation: version.status,
      version_no: version.versionNo,
    }),
  );
  return joinObject({ proposal: summaryText(proposal), versions: joinArray(items) });
}
