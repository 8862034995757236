import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { always, once, type Written } from "../../platform/idempotency.ts";
import { hashOfApproval, sealEvent } from "./chain.ts";
import type { ApprovalType, ProposalApprovalRequest, ProposalStateTransitionRequest } from "./schemas.ts";
import {
  decideApproval,
  decideTransition,
  notBefore,
  PROPOSAL_NOT_FOUND,
  type Decision,
  type DecisionFacts,
  type Move,
  type Refusal,
} from "./core.ts";
import { refused, type Caller, type ProposalDeps, type WriteOutcome } from "./deps.ts";
import { transitionText } from "./documents.ts";
import { standingAfter } from "./history.ts";
import type { ApprovalRecord, EventRecord, ProposalStanding } from "./records.ts";
import {
  eventExists,
  findDecisionFacts,
  insertApproval,
  insertEvent,
  lockProposal,
  makerOfVersion,
  moveProposal,
} from "./repository.ts";

/** Records an event of the lifecycle. */
export function transition(
  deps: ProposalDeps,
  caller: Caller,
  proposalId: string,
  request: ProposalStateTransitionRequest,
): Promise<WriteOutcome> {
  return act(deps, caller, {
    proposalId,
    operation: "transitions",
    request,
    reason: request.reason,
    approval: null,
    decide: (facts) => decideTransition(facts, request, deps.rules),
  });
}

/** Records an approval, given or denied, together with its event. */
export function approve(
  deps: ProposalDeps,
  caller: Caller,
  proposalId: string,
  request: ProposalApprovalRequest,
): Promise<WriteOutcome> {
  return act(deps, caller, {
    proposalId,
    operation: "approvals",
    request,
    reason: request.details,
    approval: { type: request.approval_type, approved: request.approved },
    decide: (facts) => decideApproval(facts, request, deps.rules),
  });
}

type Command = {
  readonly proposalId: string;
  readonly operation: "transitions" | "approvals";
  readonly request: { readonly actor_id: string; readonly related_version_no: number | null };
  readonly reason: Readonly<Record<string, unknown>>;
  readonly approval: { readonly type: ApprovalType; readonly approved: boolean } | null;
  readonly decide: (facts: DecisionFacts) => Decision<Move>;
};

/** What is known before the transaction: ids and the reason in canonical spelling. */
type Prepared = { readonly eventId: string; readonly approvalId: string; readonly reasonText: string };

/** Once for its key; without one (callers older than the rule), with every call that the state allows. */
function act(deps: ProposalDeps, caller: Caller, command: Command): Promise<WriteOutcome> {
  const { proposalId, operation, request, reason } = command;
  const { tenantId, idempotencyKey: key } = caller;
  const work = {
    prepare: (): Prepared => ({
      eventId: deps.ids("pwe_"),
      approvalId: deps.ids("pap_"),
      reasonText: canonicalJson(reason),
    }),
    write: async (tx: Tx, prepared: Prepared): Promise<Written> => {
      const outcome = await decideAndWrite(deps, tx, caller, command, prepared);
      return "body" in outcome
        ? { answer: { status: 200, body: outcome.body }, keep: true }
        : refused(caller, outcome);
    },
    locksAggregate: true,
    landed: (tx: Tx, { eventId }: Prepared) => eventExists(tx, tenantId, eventId),
  };
  if (key === null) return always(deps.once, tenantId, work);
  const scope = `proposals.${operation} ${proposalId}`;
  return once(deps.once, { tenantId, scope, key, payloadHash: contentHash(canonicalJson(request)) }, work);
}

/** Decides on what is true under the proposal's lock, and writes event, approval and state together. */
async function decideAndWrite(
  deps: ProposalDeps,
  tx: Tx,
  caller: Caller,
  command: Command,
  prepared: Prepared,
): Promise<Refusal | { readonly body: string }> {
  const { tenantId } = caller;
  const { proposalId } = command;
  let locked = await lock(tx, tenantId, command, "if_free");
  if (locked === undefined) {
    // Someone else is at it. What is refused by what is committed needs no turn: under contention, most of it.
    const facts = await findDecisionFacts(tx, tenantId, proposalId, command.request.related_version_no);
    if (facts === undefined) return PROPOSAL_NOT_FOUND;
    const early = command.decide(facts);
    if (!early.accepted) return early.refusal;
    locked = await lock(tx, tenantId, command, "wait");
    if (locked === undefined) return PROPOSAL_NOT_FOUND;
  }
  const { standing, facts } = locked;
  const decision = command.decide(facts);
  if (!decision.accepted) return decision.refusal;
  const occurredAt = notBefore(deps.once.clock().toISOString(), standing.lastEventAt);
  const { event, approval } = recordMove(command, prepared, standing, decision.value, {
    occurredAt,
    correlationId: caller.correlationId,
  });
  await Promise.all([
    insertEvent(tx, tenantId, event),
    ...(approval === null ? [] : [insertApproval(tx, tenantId, approval)]),
    moveProposal(tx, tenantId, proposalId, standingAfter(event, standing)),
  ]);
  return { body: transitionText(event, approval) };
}

/** Takes the proposal's lock, and reads under it what is decided on. */
async function lock(
  tx: Tx,
  tenantId: string,
  { proposalId, request }: Command,
  manner: "wait" | "if_free",
): Promise<{ readonly standing: ProposalStanding; readonly facts: DecisionFacts } | undefined> {
  const [proposal, maker] = await Promise.all([
    lockProposal(tx, tenantId, proposalId, manner),
    makerOfVersion(tx, tenantId, proposalId, request.related_version_no),
  ]);
  if (proposal === undefined) return undefined;
  const { standing } = proposal;
  const facts = { state: standing.state, currentVersionNo: standing.versionNo, makerOfVersion: maker };
  return { standing, facts };
}

function recordMove(
  command: Command,
  prepared: Prepared,
  standing: ProposalStanding,
  move: Move,
  moment: { readonly occurredAt: string; readonly correlationId: string },
): { event: EventRecord; approval: ApprovalRecord | null } {
  const common = {
    proposalId: command.proposalId,
    eventNo: standing.lastEventNo + 1,
    actorId: command.request.actor_id,
    occurredAt: moment.occurredAt,
    relatedVersionNo: move.versionNo,
  };
  const approval = approvalOf(command, prepared, common);
  const draft = {
    ...common,
    eventId: prepared.eventId,
    eventType: move.eventType,
    fromState: move.fromState,
    toState: move.toState,
    correlationId: moment.correlationId,
    reasonText: prepared.reasonText,
    segregationWaived: move.segregationWaived,
    proposalHash: null,
    versionHash: null,
    approvalId: approval?.approvalId ?? null,
    approvalHash: approval === null ? null : hashOfApproval(approval),
  };
  return { event: sealEvent(draft, standing.lastEventHash), approval };
}

type Common = Pick<ApprovalRecord, "proposalId" | "eventNo" | "actorId" | "occurredAt" | "relatedVersionNo">;

function approvalOf({ approval }: Command, prepared: Prepared, common: Common): ApprovalRecord | null {
  if (approval === null) return null;
  return {
    ...common,
    approvalId: prepared.approvalId,
    approvalType: approval.type,
    approved: approval.approved,
    detailsText: prepared.reasonText,
  };
}
