import { sql, type Tx } from "../../platform/database/transaction.ts";
import type { ProposalState } from "./schemas.ts";
import type { DecisionFacts } from "./core.ts";
import type {
  ApprovalRecord,
  EventRecord,
  ProposalFacts,
  ProposalRecord,
  ProposalStanding,
  VersionRecord,
} from "./records.ts";

/** The writes of a proposal. Whoever calls them owns the transaction; all but the first hold the proposal's lock. */

export async function insertProposal(tx: Tx, tenantId: string, proposal: ProposalRecord): Promise<void> {
  const { facts, standing } = proposal;
  await tx`
    insert into proposal
      (tenant_id, proposal_id, created_by, created_at, correlation_id, title, advisor_notes, jurisdiction, mandate_id,
       portfolio_id, current_state, current_version_no, last_event_no, last_event_hash, last_event_at)
    values
      (${tenantId}, ${facts.proposalId}, ${facts.createdBy}, ${facts.createdAt}, ${facts.correlationId},
       ${facts.title}, ${facts.advisorNotes}, ${facts.jurisdiction}, ${facts.mandateId},
       ${standing.portfolioId}, ${standing.state}, ${standing.versionNo}, ${standing.lastEventNo},
       ${standing.lastEventHash}, ${standing.lastEventAt})`;
}

export type ProposalRow = {
  readonly proposal_id: string;
  readonly created_by: string;
  readonly created_at: string;
  readonly correlation_id: string;
  readonly title: string | null;
  readonly advisor_notes: string | null;
  readonly jurisdiction: string | null;
  readonly mandate_id: string | null;
  readonly portfolio_id: string;
  readonly current_state: ProposalState;
  readonly current_version_no: number;
  readonly last_event_no: number;
  readonly last_event_hash: string;
  readonly last_event_at: string;
};

export const PROPOSAL_COLUMNS = sql`
  proposal_id, created_by, created_at, correlation_id, title, advisor_notes, jurisdiction, mandate_id, portfolio_id,
  current_state, current_version_no, last_event_no, last_event_hash, last_event_at`;

/**
 * Takes the lock that orders what happens to a proposal. `wait`: in its turn, undefined where there is no proposal;
 * `if_free`: undefined also where someone else has it.
 */
export async function lockProposal(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  manner: "wait" | "if_free",
): Promise<ProposalRecord | undefined> {
  const [row] = await tx<ProposalRow>`
    select ${PROPOSAL_COLUMNS}
      from proposal
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
       for update ${manner === "wait" ? sql`` : sql`skip locked`}`;
  return row === undefined ? undefined : proposalOf(row);
}

/** What is committed at this moment, in one look and without a lock. */
export async function findDecisionFacts(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  versionNo: number | null,
): Promise<DecisionFacts | undefined> {
  const [row] = await tx<{ current_state: ProposalState; current_version_no: number; maker: string | null }>`
    select p.current_state, p.current_version_no, v.created_by as maker
      from proposal p
      left join proposal_version v
        on v.tenant_id = p.tenant_id
       and v.proposal_id = p.proposal_id
       and v.version_no = coalesce(${versionNo}::integer, p.current_version_no)
     where p.tenant_id = ${tenantId}
       and p.proposal_id = ${proposalId}`;
  if (row === undefined) return undefined;
  return {
    state: row.current_state,
    currentVersionNo: row.current_version_no,
    makerOfVersion: row.maker ?? undefined,
  };
}

export function proposalOf(row: ProposalRow): ProposalRecord {
  const facts: ProposalFacts = {
    proposalId: row.proposal_id,
    createdBy: row.created_by,
    createdAt: row.created_at,
    correlationId: row.correlation_id,
    title: row.title,
    advisorNotes: row.advisor_notes,
    jurisdiction: row.jurisdiction,
    mandateId: row.mandate_id,
  };
  const standing: ProposalStanding = {
    portfolioId: row.portfolio_id,
    state: row.current_state,
    versionNo: row.current_version_no,
    lastEventNo: row.last_event_no,
    lastEventHash: row.last_event_hash,
    lastEventAt: row.last_event_at,
  };
  return { facts, standing };
}

/**
 * Who made a version, by default the current one. Sent after the lock in the same flight: its snapshot is taken when
 * the lock is held, so it sees what the one before committed.
 */
export async function makerOfVersion(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  versionNo: number | null,
): Promise<string | undefined> {
  const [row] = await tx<{ created_by: string }>`
    select v.created_by
      from proposal p
      join proposal_version v
        on v.tenant_id = p.tenant_id
       and v.proposal_id = p.proposal_id
       and v.version_no = coalesce(${versionNo}::integer, p.current_version_no)
     where p.tenant_id = ${tenantId}
       and p.proposal_id = ${proposalId}`;
  return row?.created_by;
}

export async function insertVersion(tx: Tx, tenantId: string, version: VersionRecord): Promise<void> {
  await tx`
    insert into proposal_version
      (tenant_id, proposal_id, version_no, proposal_version_id, created_by, created_at, correlation_id,
       idempotency_key, portfolio_id, status_at_creation, engine_version, request_hash, simulation_hash,
       artifact_hash, artifact_text_hash, keeps_evidence, gate_text, request_text, result_text, artifact_text)
    values
      (${tenantId}, ${version.proposalId}, ${version.versionNo}, ${version.proposalVersionId}, ${version.createdBy},
       ${version.createdAt}, ${version.correlationId}, ${version.idempotencyKey}, ${version.portfolioId},
       ${version.status}, ${version.engineVersion}, ${version.requestHash}, ${version.simulationHash},
       ${version.artifactHash}, ${version.artifactTextHash}, ${version.keepsEvidence}, ${version.gateText},
       ${version.requestText}, ${version.resultText}, ${version.artifactText})`;
}

export async function eventExists(tx: Tx, tenantId: string, eventId: string): Promise<boolean> {
  const rows = await tx`select from proposal_event where tenant_id = ${tenantId} and event_id = ${eventId}`;
  return rows.length > 0;
}

export async function insertEvent(tx: Tx, tenantId: string, event: EventRecord): Promise<void> {
  await tx`
    insert into proposal_event
      (tenant_id, proposal_id, event_no, event_id, event_type, from_state, to_state, actor_id, occurred_at,
       correlation_id, reason_text, related_version_no, segregation_waived, proposal_hash, version_hash, approval_id,
       approval_hash, previous_hash, event_hash)
    values
      (${tenantId}, ${event.proposalId}, ${event.eventNo}, ${event.eventId}, ${event.eventType}, ${event.fromState},
       ${event.toState}, ${event.actorId}, ${event.occurredAt}, ${event.correlationId}, ${event.reasonText},
       ${event.relatedVersionNo}, ${event.segregationWaived}, ${event.proposalHash}, ${event.versionHash},
       ${event.approvalId}, ${event.approvalHash}, ${event.previousHash}, ${event.eventHash})`;
}

export async function insertApproval(tx: Tx, tenantId: string, approval: ApprovalRecord): Promise<void> {
  await tx`
    insert into proposal_approval
      (tenant_id, proposal_id, event_no, approval_id, approval_type, approved, actor_id, occurred_at, details_text,
       related_version_no)
    values
      (${tenantId}, ${approval.proposalId}, ${approval.eventNo}, ${approval.approvalId}, ${approval.approvalType},
       ${approval.approved}, ${approval.actorId}, ${approval.occurredAt}, ${approval.detailsText},
       ${approval.relatedVersionNo})`;
}

/** Moves a proposal on to where its newest event leaves it. */
export async function moveProposal(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  standing: ProposalStanding,
): Promise<void> {
  const { count } = await tx`
    update proposal
       set portfolio_id = ${standing.portfolioId},
           current_state = ${standing.state},
           current_version_no = ${standing.versionNo},
           last_event_no = ${standing.lastEventNo},
           last_event_hash = ${standing.lastEventHash},
           last_event_at = ${standing.lastEventAt}
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
       and last_event_no = ${standing.lastEventNo - 1}`;
  if (count !== 1) throw new Error(`proposal ${proposalId} moved although it was locked`);
}
