import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinArray, joinLarge, joinObject } from "../../platform/json/join-json.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { CurrentState } from "./core.ts";
import { eventText, type EventRow } from "./event.ts";
import { lineageItemText, versionText, type ShownVersion, type VersionHeader } from "./version.ts";

/** What a proposal is from its first day on. */
export type ProposalFacts = {
  readonly proposal_id: string;
  readonly created_by: string;
  readonly created_at: string;
  readonly correlation_id: string;
  readonly title: string | null;
  readonly advisor_notes: string | null;
  readonly jurisdiction: string | null;
  readonly mandate_id: string | null;
};

/** The name under which the writes of a proposal take turns. */
export function aggregateOf(proposalId: string): string {
  return `proposal ${proposalId}`;
}

export type ProposalRow = ProposalFacts & CurrentState;

/** Sealed into the first event. */
export function hashOfProposal(tenantId: string, facts: ProposalFacts): string {
  return contentHash(
    canonicalJson({
      advisor_notes: facts.advisor_notes,
      correlation_id: facts.correlation_id,
      created_at: facts.created_at,
      created_by: facts.created_by,
      jurisdiction: facts.jurisdiction,
      mandate_id: facts.mandate_id,
      proposal_id: facts.proposal_id,
      tenant_id: tenantId,
      title: facts.title,
    }),
  );
}

export function summaryText(proposal: ProposalRow): string {
  return canonicalJson({
    created_at: proposal.created_at,
    created_by: proposal.created_by,
    current_state: proposal.current_state,
    current_version_no: proposal.current_version_no,
    jurisdiction: proposal.jurisdiction,
    last_event_at: proposal.last_event_at,
    mandate_id: proposal.mandate_id,
    portfolio_id: proposal.portfolio_id,
    proposal_id: proposal.proposal_id,
    title: proposal.title,
  });
}

/** The answer to creating a proposal or a version of it. */
export function createdText(proposal: ProposalRow, version: ShownVersion, event: EventRow): Text {
  return joinLarge({
    latest_workflow_event: eventText(event),
    proposal: summaryText(proposal),
    version: versionText(version),
  });
}

export function detailText(proposal: ProposalRow, version: ShownVersion): Text {
  return joinLarge({
    current_version: versionText(version),
    last_gate_decision: version.gate_text ?? "null",
    proposal: summaryText(proposal),
  });
}

export function lineageText(proposal: ProposalRow, versions: readonly VersionHeader[]): string {
  return joinObject({
    proposal: summaryText(proposal),
    versions: joinArray(versions.map(lineageItemText)),
  });
}
