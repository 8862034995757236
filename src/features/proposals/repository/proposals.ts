import type { NumberRange } from "../../../platform/database/number-pages.ts";
import { sql, type Tx } from "../../../platform/database/transaction.ts";
import type { TimePosition } from "../../../platform/http/cursor.ts";
import { rowsToRead, type PageRequest } from "../../../platform/http/pagination.ts";
import type { CurrentState, DecisionFacts } from "../core.ts";
import { APPROVING_EVENTS, type JudgedVersion } from "../four-eyes.ts";
import type { ApprovalRow, EventRow } from "../event.ts";
import type { ProposalRow } from "../proposal.ts";
import type { ProposalState } from "../schemas.ts";

/**
 * Proposals with their events and approvals. Whoever calls the writes owns the transaction; all but the first hold the
 * proposal's lock.
 */

export async function insertProposal(tx: Tx, tenantId: string, proposal: ProposalRow): Promise<void> {
  await tx`
    insert into proposal
      (tenant_id, proposal_id, created_by, created_at, correlation_id, title, advisor_notes, jurisdiction, mandate_id,
       portfolio_id, current_state, current_version_no, last_event_no, last_event_hash, last_event_at)
    values
      (${tenantId}, ${proposal.proposal_id}, ${proposal.created_by}, ${proposal.created_at},
       ${proposal.correlation_id}, ${proposal.title}, ${proposal.advisor_notes}, ${proposal.jurisdiction},
       ${proposal.mandate_id}, ${proposal.portfolio_id}, ${proposal.current_state}, ${proposal.current_version_no},
       ${proposal.last_event_no}, ${proposal.last_event_hash}, ${proposal.last_event_at})`;
}

/**
 * Takes the lock that orders what happens to a proposal. `wait`: in its turn, undefined where there is no proposal;
 * `skip_locked`: undefined also where someone else has it.
 */
export async function lockProposal(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  manner: "wait" | "skip_locked",
): Promise<CurrentState | undefined> {
  const [current] = await tx<CurrentState>`
    select portfolio_id, current_state, current_version_no, last_event_no, last_event_hash, last_event_at
      from proposal
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
       for update ${manner === "wait" ? sql`` : sql`skip locked`}`;
  return current;
}

/**
 * What is committed at this moment, in one look and without a lock: the version that is named, by default the current
 * one, and the approvals of all.
 */
export async function findDecisionFacts(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  versionNo: number | null,
): Promise<DecisionFacts | undefined> {
  const [row] = await tx<FactsRow>`
    select p.current_state, p.current_version_no, v.created_by, v.status_at_creation,
           (select coalesce(jsonb_agg(jsonb_build_object('event_type', e.event_type, 'actor_id', e.actor_id,
                                                         'related_version_no', e.related_version_no)
                                      order by e.event_no), '[]')
              from proposal_event e
             where e.tenant_id = p.tenant_id
               and e.proposal_id = p.proposal_id
               and e.event_type = any(${APPROVING_EVENTS})) as approvals
      from proposal p
      left join proposal_version v
        on v.tenant_id = p.tenant_id
       and v.proposal_id = p.proposal_id
       and v.version_no = coalesce(${versionNo}::integer, p.current_version_no)
     where p.tenant_id = ${tenantId}
       and p.proposal_id = ${proposalId}`;
  if (row === undefined) return undefined;
  const { created_by, status_at_creation, ...facts } = row;
  const isThere = created_by !== null && status_at_creation !== null;
  return { ...facts, version: isThere ? { created_by, status_at_creation } : null };
}

/** The version's columns are null where there is no such version. */
type FactsRow = Omit<DecisionFacts, "version"> & {
  readonly [Column in keyof JudgedVersion]: JudgedVersion[Column] | null;
};

/** Whether an event of this id was committed. */
export async function eventExists(tx: Tx, tenantId: string, eventId: string): Promise<boolean> {
  const rows = await tx`select from proposal_event where tenant_id = ${tenantId} and event_id = ${eventId}`;
  return rows.length > 0;
}

export async function insertEvent(tx: Tx, tenantId: string, event: EventRow): Promise<void> {
  await tx`
    insert into proposal_event
      (tenant_id, proposal_id, event_no, event_id, event_type, from_state, to_state, actor_id, occurred_at,
       correlation_id, reason_text, related_version_no, segregation_waived, proposal_hash, version_hash, approval_id,
       approval_hash, previous_hash, event_hash, authenticated_subject, actor_folded, hash_version, blocked_waived,
       distinct_waived)
    values
      (${tenantId}, ${event.proposal_id}, ${event.event_no}, ${event.event_id}, ${event.event_type},
       ${event.from_state}, ${event.to_state}, ${event.actor_id}, ${event.occurred_at}, ${event.correlation_id},
       ${event.reason_text}, ${event.related_version_no}, ${event.segregation_waived}, ${event.proposal_hash},
       ${event.version_hash}, ${event.approval_id}, ${event.approval_hash}, ${event.previous_hash},
       ${event.event_hash}, ${event.authenticated_subject}, ${event.actor_folded}, ${event.hash_version},
       ${event.blocked_waived}, ${event.distinct_waived})`;
}

export async function insertApproval(tx: Tx, tenantId: string, approval: ApprovalRow): Promise<void> {
  await tx`
    insert into proposal_approval
      (tenant_id, proposal_id, event_no, approval_id, approval_type, approved, actor_id, occurred_at, details_text,
       related_version_no, authenticated_subject)
    values
      (${tenantId}, ${approval.proposal_id}, ${approval.event_no}, ${approval.approval_id},
       ${approval.approval_type}, ${approval.approved}, ${approval.actor_id}, ${approval.occurred_at},
       ${approval.details_text}, ${approval.related_version_no}, ${approval.authenticated_subject})`;
}

/** Moves a proposal on to where its newest event leaves it. */
export async function moveProposal(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  current: CurrentState,
): Promise<void> {
  const { count } = await tx`
    update proposal
       set portfolio_id = ${current.portfolio_id},
           current_state = ${current.current_state},
           current_version_no = ${current.current_version_no},
           last_event_no = ${current.last_event_no},
           last_event_hash = ${current.last_event_hash},
           last_event_at = ${current.last_event_at}
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
       and last_event_no = ${current.last_event_no - 1}`;
  if (count !== 1) throw new Error(`proposal ${proposalId} moved although it was locked`);
}

export async function findProposal(
  tx: Tx,
  tenantId: string,
  proposalId: string,
): Promise<ProposalRow | undefined> {
  const [proposal] = await tx<ProposalRow>`
    select proposal_id, created_by, created_at, correlation_id, title, advisor_notes, jurisdiction, mandate_id,
           portfolio_id, current_state, current_version_no, last_event_no, last_event_hash, last_event_at
      from proposal
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}`;
  return proposal;
}

export async function proposalExists(tx: Tx, tenantId: string, proposalId: string): Promise<boolean> {
  const rows = await tx`select from proposal where tenant_id = ${tenantId} and proposal_id = ${proposalId}`;
  return rows.length > 0;
}

const EVENT_COLUMNS = sql`
  proposal_id, event_no, event_id, event_type, from_state, to_state, actor_id, occurred_at, correlation_id, reason_text,
  related_version_no, segregation_waived, proposal_hash, version_hash, approval_id, approval_hash, previous_hash,
  event_hash, authenticated_subject, actor_folded, hash_version, blocked_waived, distinct_waived`;

/** The history in order, up to and including a moment where one is given. */
export async function listEvents(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  asOf?: string,
): Promise<readonly EventRow[]> {
  return tx<EventRow>`
    select ${EVENT_COLUMNS}
      from proposal_event
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
           ${asOf === undefined ? sql`` : sql`and occurred_at <= ${asOf}`}
     order by event_no`;
}

/** One page of the history. */
export async function listEventsBetween(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  { after, upTo }: NumberRange,
  rows: number,
): Promise<readonly EventRow[]> {
  return tx<EventRow>`
    select ${EVENT_COLUMNS}
      from proposal_event
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
       and event_no > ${after}
       and event_no <= ${upTo}
     order by event_no
     limit ${rows}`;
}

export type LastNumbers = { readonly last_event_no: number; readonly last_version_no: number };

/** Of the events and versions that there are, whatever the proposal says; 0 where there is none. */
export async function findLastNumbers(tx: Tx, tenantId: string, proposalId: string): Promise<LastNumbers> {
  const [numbers] = await tx<LastNumbers>`
    select coalesce((select max(event_no)
                       from proposal_event
                      where tenant_id = ${tenantId} and proposal_id = ${proposalId}), 0) as last_event_no,
           coalesce((select max(version_no)
                       from proposal_version
                      where tenant_id = ${tenantId} and proposal_id = ${proposalId}), 0) as last_version_no`;
  return numbers ?? { last_event_no: 0, last_version_no: 0 };
}

export async function listApprovals(
  tx: Tx,
  tenantId: string,
  proposalId: string,
): Promise<readonly ApprovalRow[]> {
  return tx<ApprovalRow>`
    select proposal_id, event_no, approval_id, approval_type, approved, actor_id, occurred_at, details_text,
           related_version_no, authenticated_subject
      from proposal_approval
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
     order by event_no`;
}

export type ListedProposal = Pick<
  ProposalRow,
  | "created_at"
  | "created_by"
  | "current_state"
  | "current_version_no"
  | "jurisdiction"
  | "last_event_at"
  | "mandate_id"
  | "portfolio_id"
  | "proposal_id"
  | "title"
>;

export type ProposalFilters = {
  readonly portfolio_id?: string | undefined;
  readonly state?: ProposalState | undefined;
  readonly created_by?: string | undefined;
  readonly created_from?: string | undefined;
  readonly created_to?: string | undefined;
};

/** Newest first; one page after `after`. The cost of a page does not depend on its depth. */
export async function listProposals(
  tx: Tx,
  tenantId: string,
  filters: ProposalFilters,
  page: PageRequest<TimePosition>,
): Promise<readonly ListedProposal[]> {
  const { after } = page;
  const { portfolio_id, state, created_by, created_from, created_to } = filters;
  return tx<ListedProposal>`
    select created_at, created_by, current_state, current_version_no, jurisdiction, last_event_at, mandate_id,
           portfolio_id, proposal_id, title
      from proposal
     where tenant_id = ${tenantId}
           ${portfolio_id === undefined ? sql`` : sql`and portfolio_id = ${portfolio_id}`}
           ${state === undefined ? sql`` : sql`and current_state = ${state}`}
           ${created_by === undefined ? sql`` : sql`and created_by = ${created_by}`}
           ${created_from === undefined ? sql`` : sql`and created_at >= ${created_from}`}
           ${created_to === undefined ? sql`` : sql`and created_at <= ${created_to}`}
           ${after === undefined ? sql`` : sql`and (created_at, proposal_id) < (${after.createdAt}, ${after.id})`}
     order by created_at desc, proposal_id desc
     limit ${rowsToRead(page)}`;
}

/** Fails where the store is not there or not ours to read. */
export async function pingStore(tx: Tx): Promise<void> {
  await tx`select from proposal limit 1`;
}
