import { notBefore } from "../../platform/clock.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { subjectOf } from "../../platform/http/context.ts";
import { problemText } from "../../platform/http/problem.ts";
import { ANSWER_IN_RECORD, type IdempotencyScope } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import {
  decideApproval,
  decideTransition,
  dependsOnState,
  PROPOSAL_NOT_FOUND,
  type Caller,
  type CurrentState,
  type LifecycleDecision,
  type DecisionFacts,
  type Move,
  type ProposalRefusal,
} from "./core.ts";
import {
  HASH_VERSION,
  hashOfApproval,
  leftBy,
  sealEvent,
  transitionText,
  type ApprovalRow,
  type EventRow,
} from "./event.ts";
import { aggregateOf } from "./proposal.ts";
import {
  eventExists,
  findDecisionFacts,
  insertApproval,
  insertEvent,
  lockProposal,
  moveProposal,
} from "./repository/proposals.ts";
import type { ProposalApprovalRequest, ProposalStateTransitionRequest } from "./schemas.ts";

export const TRANSITIONS: IdempotencyScope = {
  name: "proposals.transitions",
  inconsistent: "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_IN_RECORD,
};

export const APPROVALS: IdempotencyScope = { ...TRANSITIONS, name: "proposals.approvals" };

type Deps = Pick<Runtime, "writes" | "clock" | "newId" | "config">;

/** Records an event of the lifecycle. */
export function recordTransition(
  deps: Deps,
  caller: Caller,
  proposalId: string,
  request: ProposalStateTransitionRequest,
): Promise<WriteOutcome<EventRow>> {
  return recordEvent(deps, caller, {
    proposalId,
    scope: TRANSITIONS,
    request,
    reason: request.reason,
    approval: null,
    decide: (facts) => decideTransition(facts, request, deps.config.proposals),
  });
}

/** Records an approval, given or denied, together with its event. */
export function recordApproval(
  deps: Deps,
  caller: Caller,
  proposalId: string,
  request: ProposalApprovalRequest,
): Promise<WriteOutcome<EventRow>> {
  return recordEvent(deps, caller, {
    proposalId,
    scope: APPROVALS,
    request,
    reason: request.details,
    approval: request,
    decide: (facts) => decideApproval(facts, request, deps.config.proposals),
  });
}

type Command = {
  readonly proposalId: string;
  readonly scope: IdempotencyScope;
  readonly request: { readonly actor_id: string; readonly related_version_no: number | null };
  readonly reason: Readonly<Record<string, unknown>>;
  /** Null: the event comes without an approval. */
  readonly approval: Pick<ApprovalRow, "approval_type" | "approved"> | null;
  readonly decide: (facts: DecisionFacts) => LifecycleDecision<Move>;
};

/** What is known before the transaction: ids and the reason in canonical spelling. */
type Prepared = { readonly event_id: string; readonly approval_id: string; readonly reason_text: string };

/** Once for its key; without one (callers older than the rule), with every call that the state allows. */
function recordEvent(deps: Deps, caller: Caller, command: Command): Promise<WriteOutcome<EventRow>> {
  const { proposalId, scope, request, reason } = command;
  const { tenantId, idempotencyKey: key } = caller;
  const recordScope = `${scope.name} ${proposalId}`;
  const payloadHash = contentHash(canonicalJson(request));
  return write<Prepared, EventRow>(deps.writes, {
    tenantId,
    key: key === null ? null : { tenantId, scope, recordScope, key, payloadHash },
    aggregate: aggregateOf(proposalId),
    prepare: () => ({
      event_id: deps.newId("pwe_"),
      approval_id: deps.newId("pap_"),
      reason_text: canonicalJson(reason),
    }),
    write: (tx, prepared) => decideAndWrite(deps, tx, caller, command, prepared),
    wasCommitted: (tx, { event_id }) => eventExists(tx, tenantId, event_id),
  });
}

/** Decides on what is true under the proposal's lock, and writes event, approval and state together. */
async function decideAndWrite(
  deps: Deps,
  tx: Tx,
  caller: Caller,
  command: Command,
  prepared: Prepared,
): Promise<Written<EventRow>> {
  const { tenantId, correlationId } = caller;
  const { proposalId } = command;
  let locked = await lock(tx, tenantId, command, "skip_locked");
  if (locked === undefined) {
    // Someone else has it. What is refused by what is committed needs no turn: under contention, most of it.
    const facts = await findDecisionFacts(tx, tenantId, proposalId, command.request.related_version_no);
    if (facts === undefined) return refusedWrite(caller, PROPOSAL_NOT_FOUND);
    const early = command.decide(facts);
    if (!early.accepted) return refusedWrite(caller, early.refusal);
    locked = await lock(tx, tenantId, command, "wait");
    if (locked === undefined) return refusedWrite(caller, PROPOSAL_NOT_FOUND);
  }
  const { current, facts } = locked;
  const decision = command.decide(facts);
  if (!decision.accepted) return refusedWrite(caller, decision.refusal);
  const moment = {
    occurred_at: notBefore(current.last_event_at, deps.clock()),
    correlation_id: correlationId,
    authenticated_subject: subjectOf(caller),
  };
  const { event, approval } = makeEvent(command, prepared, current, decision.value, moment);
  await Promise.all([
    insertEvent(tx, tenantId, event),
    ...(approval === null ? [] : [insertApproval(tx, tenantId, approval)]),
    moveProposal(tx, tenantId, proposalId, { ...current, ...leftBy(event) }),
  ]);
  return { answer: { status: 200, body: transitionText(event, approval) }, made: event, record: {} };
}

/** Takes the proposal's lock, and reads under it what is decided on. */
async function lock(
  tx: Tx,
  tenantId: string,
  { proposalId, request }: Command,
  manner: "wait" | "skip_locked",
): Promise<{ readonly current: CurrentState; readonly facts: DecisionFacts } | undefined> {
  // Pipelined behind the lock, the facts are those that the one before committed.
  const [current, facts] = await Promise.all([
    lockProposal(tx, tenantId, proposalId, manner),
    findDecisionFacts(tx, tenantId, proposalId, request.related_version_no),
  ]);
  return current === undefined || facts === undefined ? undefined : { current, facts };
}

/** The next event of the history, and the approval that comes with it, if any. */
function makeEvent(
  { proposalId, request, approval: given }: Command,
  { event_id, approval_id, reason_text }: Prepared,
  current: CurrentState,
  move: Move,
  moment: Pick<EventRow, "occurred_at" | "correlation_id" | "authenticated_subject">,
): { readonly event: EventRow; readonly approval: ApprovalRow | null } {
  const common = {
    proposal_id: proposalId,
    event_no: current.last_event_no + 1,
    actor_id: request.actor_id,
    authenticated_subject: moment.authenticated_subject,
    occurred_at: moment.occurred_at,
    related_version_no: move.related_version_no,
  };
  const approval = given && {
    ...common,
    approval_id,
    approval_type: given.approval_type,
    approved: given.approved,
    details_text: reason_text,
  };
  const draft = {
    ...common,
    ...move,
    event_id,
    correlation_id: moment.correlation_id,
    reason_text,
    proposal_hash: null,
    version_hash: null,
    approval_id: approval && approval_id,
    approval_hash: approval && hashOfApproval(approval, HASH_VERSION),
  };
  return { event: sealEvent(draft, current.last_event_hash), approval };
}

/** A refusal as the caller gets it, in bytes. What depended on the state is stored with its key. */
export function refusedWrite(caller: Caller, refusal: ProposalRefusal): Written<never> {
  const answer = { status: refusal.status, body: problemText(caller, refusal) };
  return { answer, made: null, record: dependsOnState(refusal) ? {} : null };
}
