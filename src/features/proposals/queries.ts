import { sql, type SqlFragment, type Tx } from "../../platform/database/transaction.ts";
import type { ApprovalType, ProposalEventType, ProposalState, ProposalSummary } from "./schemas.ts";
import type {
  ApprovalRecord,
  EventRecord,
  ProposalRecord,
  ShownVersion,
  VersionHeader,
  VersionRecord,
} from "./records.ts";
import { PROPOSAL_COLUMNS, proposalOf, type ProposalRow } from "./repository.ts";

/** The reads of proposals. */

export async function findProposal(
  tx: Tx,
  tenantId: string,
  proposalId: string,
): Promise<ProposalRecord | undefined> {
  const [row] = await tx<ProposalRow>`
    select ${PROPOSAL_COLUMNS}
      from proposal
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}`;
  return row === undefined ? undefined : proposalOf(row);
}

export async function proposalExists(tx: Tx, tenantId: string, proposalId: string): Promise<boolean> {
  const rows = await tx`select from proposal where tenant_id = ${tenantId} and proposal_id = ${proposalId}`;
  return rows.length > 0;
}

type VersionRow = {
  readonly proposal_id: string;
  readonly version_no: number;
  readonly proposal_version_id: string;
  readonly created_by: string;
  readonly created_at: string;
  readonly correlation_id: string;
  readonly idempotency_key: string | null;
  readonly portfolio_id: string;
  readonly status_at_creation: string;
  readonly engine_version: string;
  readonly request_hash: string;
  readonly simulation_hash: string;
  readonly artifact_hash: string;
  readonly artifact_text_hash: string;
  readonly keeps_evidence: boolean;
  readonly gate_text: string | null;
};

const VERSION_COLUMNS = sql`
  proposal_id, version_no, proposal_version_id, created_by, created_at, correlation_id, idempotency_key, portfolio_id,
  status_at_creation, engine_version, request_hash, simulation_hash, artifact_hash, artifact_text_hash, keeps_evidence,
  gate_text`;

function headerOf(row: VersionRow): VersionHeader {
  return {
    proposalId: row.proposal_id,
    versionNo: row.version_no,
    proposalVersionId: row.proposal_version_id,
    createdBy: row.created_by,
    createdAt: row.created_at,
    correlationId: row.correlation_id,
    idempotencyKey: row.idempotency_key,
    portfolioId: row.portfolio_id,
    status: row.status_at_creation,
    engineVersion: row.engine_version,
    requestHash: row.request_hash,
    simulationHash: row.simulation_hash,
    artifactHash: row.artifact_hash,
    artifactTextHash: row.artifact_text_hash,
    keepsEvidence: row.keeps_evidence,
    gateText: row.gate_text,
  };
}

type AnswerRow = VersionRow & {
  readonly request_text: string | null;
  readonly result_text: string;
  readonly artifact_text: string;
};

/** A version as an answer shows it, by default the current one. The request is read where the evidence shows it. */
export async function findVersion(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  versionNo: number | "current",
  includesEvidence: boolean,
): Promise<ShownVersion | undefined> {
  const number: SqlFragment =
    versionNo === "current"
      ? sql`(select current_version_no from proposal where tenant_id = ${tenantId} and proposal_id = ${proposalId})`
      : sql`${versionNo}::integer`;
  const [row] = await tx<AnswerRow>`
    select ${VERSION_COLUMNS}, result_text, artifact_text,
           case when keeps_evidence and ${includesEvidence}::boolean then request_text end as request_text
      from proposal_version
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
       and version_no = ${number}`;
  if (row === undefined) return undefined;
  const { request_text: requestText, result_text: resultText, artifact_text: artifactText } = row;
  return { ...headerOf(row), requestText, resultText, artifactText };
}

/** A version with all its documents. */
export async function findWholeVersion(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  versionNo: number,
): Promise<VersionRecord | undefined> {
  const [row] = await tx<AnswerRow & { request_text: string }>`
    select ${VERSION_COLUMNS}, request_text, result_text, artifact_text
      from proposal_version
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
       and version_no = ${versionNo}`;
  if (row === undefined) return undefined;
  const { request_text: requestText, result_text: resultText, artifact_text: artifactText } = row;
  return { ...headerOf(row), requestText, resultText, artifactText };
}

/** Without their documents, oldest first. */
export async function listVersions(
  tx: Tx,
  tenantId: string,
  proposalId: string,
): Promise<readonly VersionHeader[]> {
  const rows = await tx<VersionRow>`
    select ${VERSION_COLUMNS}
      from proposal_version
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
     order by version_no`;
  return rows.map(headerOf);
}

type EventRow = {
  readonly proposal_id: string;
  readonly event_no: number;
  readonly event_id: string;
  readonly event_type: ProposalEventType;
  readonly from_state: ProposalState | null;
  readonly to_state: ProposalState;
  readonly actor_id: string;
  readonly occurred_at: string;
  readonly correlation_id: string;
  readonly reason_text: string;
  readonly related_version_no: number;
  readonly segregation_waived: boolean;
  readonly proposal_hash: string | null;
  readonly version_hash: string | null;
  readonly approval_id: string | null;
  readonly approval_hash: string | null;
  readonly previous_hash: string | null;
  readonly event_hash: string;
};

/** The history in order, up to and including a moment where one is given. */
export async function listEvents(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  asOf: string | undefined,
): Promise<readonly EventRecord[]> {
  const rows = await tx<EventRow>`
    select proposal_id, event_no, event_id, event_type, from_state, to_state, actor_id, occurred_at, correlation_id,
           reason_text, related_version_no, segregation_waived, proposal_hash, version_hash, approval_id,
           approval_hash, previous_hash, event_hash
      from proposal_event
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
           ${asOf === undefined ? sql`` : sql`and occurred_at <= ${asOf}`}
     order by event_no`;
  return rows.map((row) => ({
    proposalId: row.proposal_id,
    eventNo: row.event_no,
    eventId: row.event_id,
    eventType: row.event_type,
    fromState: row.from_state,
    toState: row.to_state,
    actorId: row.actor_id,
    occurredAt: row.occurred_at,
    correlationId: row.correlation_id,
    reasonText: row.reason_text,
    relatedVersionNo: row.related_version_no,
    segregationWaived: row.segregation_waived,
    proposalHash: row.proposal_hash,
    versionHash: row.version_hash,
    approvalId: row.approval_id,
    approvalHash: row.approval_hash,
    previousHash: row.previous_hash,
    eventHash: row.event_hash,
  }));
}

type ApprovalRow = {
  readonly proposal_id: string;
  readonly event_no: number;
  readonly approval_id: string;
  readonly approval_type: ApprovalType;
  readonly approved: boolean;
  readonly actor_id: string;
  readonly occurred_at: string;
  readonly details_text: string;
  readonly related_version_no: number;
};

export async function listApprovals(
  tx: Tx,
  tenantId: string,
  proposalId: string,
): Promise<readonly ApprovalRecord[]> {
  const rows = await tx<ApprovalRow>`
    select proposal_id, event_no, approval_id, approval_type, approved, actor_id, occurred_at, details_text,
           related_version_no
      from proposal_approval
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
     order by event_no`;
  return rows.map((row) => ({
    proposalId: row.proposal_id,
    eventNo: row.event_no,
    approvalId: row.approval_id,
    approvalType: row.approval_type,
    approved: row.approved,
    actorId: row.actor_id,
    occurredAt: row.occurred_at,
    detailsText: row.details_text,
    relatedVersionNo: row.related_version_no,
  }));
}

export type ProposalFilters = {
  readonly portfolioId: string | undefined;
  readonly state: ProposalState | undefined;
  readonly createdBy: string | undefined;
  readonly createdFrom: string | undefined;
  readonly createdTo: string | undefined;
};

/** The last row of the page before. */
export type Position = { readonly createdAt: string; readonly id: string };

/** Newest first; `limit` rows after `after`. The cost of a page does not depend on its depth. */
export async function listProposals(
  tx: Tx,
  tenantId: string,
  filters: ProposalFilters,
  after: Position | undefined,
  limit: number,
): Promise<readonly ProposalSummary[]> {
  const { portfolioId, state, createdBy, createdFrom, createdTo } = filters;
  return tx<ProposalSummary>`
    select created_at, created_by, current_state, current_version_no, jurisdiction, last_event_at, mandate_id,
           portfolio_id, proposal_id, title
      from proposal
     where tenant_id = ${tenantId}
           ${portfolioId === undefined ? sql`` : sql`and portfolio_id = ${portfolioId}`}
           ${state === undefined ? sql`` : sql`and current_state = ${state}`}
           ${createdBy === undefined ? sql`` : sql`and created_by = ${createdBy}`}
           ${createdFrom === undefined ? sql`` : sql`and created_at >= ${createdFrom}`}
           ${createdTo === undefined ? sql`` : sql`and created_at <= ${createdTo}`}
           ${after === undefined ? sql`` : sql`and (created_at, proposal_id) < (${after.createdAt}, ${after.id})`}
     order by created_at desc, proposal_id desc
     limit ${limit}`;
}

/** Fails where the store is not there or not ours to read. */
export async function pingStore(tx: Tx): Promise<void> {
  await tx`select from proposal limit 1`;
}
