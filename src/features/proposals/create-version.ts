import { personOf } from "../../contract/person.ts";
import { notBefore } from "../../platform/clock.ts";
import type { DocumentText } from "../../platform/body-type.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { orRefuse } from "../../platform/http/accepted.ts";
import { subjectOf } from "../../platform/http/context.ts";
import type { IdempotencyScope } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome } from "../../platform/idempotency/write.ts";
import { isRefusedInput, type RefusedInput } from "../../platform/refused-input.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { CalculationTerms } from "../../platform/threads.ts";
import type { Runtime } from "../../runtime.ts";
import type { DraftDocument } from "./bodies.ts";
import { PREPARE_VERSION, type MadeDraft } from "./calculations.ts";
import {
  accept,
  decideVersion,
  isSimulationDisabled,
  PROPOSAL_NOT_FOUND,
  PROPOSAL_SIMULATION_DISABLED,
  refuse,
  type Caller,
  type LifecycleDecision,
  type Refused,
} from "./core.ts";
import { simulationContext, type DraftCaller, type ProposalDeps } from "./create-proposal.ts";
import { leftBy, type EventRow } from "./event.ts";
import { aggregateOf, createdText } from "./proposal.ts";
import { refusedWrite } from "./record-event.ts";
import { ANSWER_OF_VERSION } from "./repository/idempotency-queries.ts";
import {
  eventExists,
  findProposal,
  insertEvent,
  lockProposal,
  moveProposal,
} from "./repository/proposals.ts";
import { insertVersion } from "./repository/versions.ts";
import { versionEvent } from "./version.ts";

export const VERSIONS: IdempotencyScope = {
  name: "proposals.versions",
  inconsistent: "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_OF_VERSION,
};

/** A key is good for one proposal alone. */
export function versionsOf(proposalId: string): string {
  return `${VERSIONS.name} ${proposalId}`;
}

/** A version as it will be stored but for its number and its time, which the proposal's lock gives. */
export type PreparedVersion = MadeDraft & {
  readonly tenantId: string;
  readonly proposal_id: string;
  readonly authenticated_subject: string | null;
  readonly proposal_version_id: string;
  readonly event_id: string;
};

/** A version that is written, and the answer that says so. */
export type WrittenVersion = { readonly event: EventRow; readonly body: Text };

/** Adds a version to a proposal, once for its key; without one (callers older than the rule), with every call. */
export async function createVersion(
  deps: ProposalDeps & Pick<Runtime, "writes">,
  caller: Caller,
  proposalId: string,
  document: DraftDocument,
): Promise<WriteOutcome<EventRow> | Refused> {
  if (isSimulationDisabled(deps.config.proposals, document)) {
    return { kind: "refused", refusal: PROPOSAL_SIMULATION_DISABLED };
  }
  const { tenantId, idempotencyKey: key } = caller;
  const { cost, hash: payloadHash } = document;
  const recordScope = versionsOf(proposalId);
  return write<PreparedVersion, EventRow>(deps.writes, {
    tenantId,
    key: key === null ? null : { tenantId, scope: VERSIONS, recordScope, key, payloadHash },
    aggregate: aggregateOf(proposalId),
    prepare: async () => orRefuse(await prepareVersion(deps, caller, proposalId, document, { cost })),
    write: async (tx, prepared) => {
      const decision = await writeVersion(deps, tx, prepared);
      if (!decision.accepted) return refusedWrite(caller, decision.refusal);
      const { event, body } = decision.value;
      return { answer: { status: 200, body }, made: event, record: { proposal: versionOf(event) } };
    },
    wasCommitted: (tx, { event_id }) => eventExists(tx, tenantId, event_id),
  });
}

/** The version that an event brought. */
export function versionOf({ proposal_id, related_version_no }: EventRow) {
  return { proposal_id, version_no: related_version_no };
}

/** Simulation and artifact of a new version. Touches nothing. */
export async function prepareVersion(
  deps: ProposalDeps,
  caller: DraftCaller,
  proposalId: string,
  document: DocumentText,
  terms: CalculationTerms,
): Promise<PreparedVersion | RefusedInput> {
  const { tenantId } = caller;
  const ids = { proposal_version_id: deps.newId("ppv_"), event_id: deps.newId("pwe_") };
  const input = {
    document,
    context: simulationContext(deps, caller),
    keepsEvidence: deps.config.proposals.storesEvidenceBundle,
    createdAt: deps.clock().toISOString(),
  };
  const made = await deps.calculations.run(PREPARE_VERSION, input, terms);
  if (isRefusedInput(made)) return made;
  return { tenantId, proposal_id: proposalId, authenticated_subject: subjectOf(caller), ...ids, ...made };
}

/** Writes a prepared version within the caller's transaction, or says why it may not be; then nothing is written. */
export async function writeVersion(
  deps: Pick<Runtime, "clock" | "config">,
  tx: Tx,
  prepared: PreparedVersion,
): Promise<LifecycleDecision<WrittenVersion>> {
  const { tenantId, draft, event_id, proposal_id, created_by, authenticated_subject } = prepared;
  // Pipelined behind the lock, the second statement sees what the one before committed.
  const [current, proposal] = await Promise.all([
    lockProposal(tx, tenantId, proposal_id, "wait"),
    findProposal(tx, tenantId, proposal_id),
  ]);
  if (current === undefined || proposal === undefined) return refuse(PROPOSAL_NOT_FOUND);
  const decision = decideVersion(current, draft.portfolio_id, deps.config.proposals);
  if (!decision.accepted) return decision;
  const { version_no, to_state } = decision.value;
  const created_at = notBefore(current.last_event_at, deps.clock());
  const version = {
    ...draft,
    proposal_id,
    created_by,
    created_by_folded: personOf(created_by),
    authenticated_subject,
    proposal_version_id: prepared.proposal_version_id,
    version_no,
    created_at,
  };
  const event = versionEvent(version, event_id, { before: current, to_state }, prepared.payload_hash);
  const { portfolio_id } = version;
  const next = { ...leftBy(event), portfolio_id, current_version_no: version_no };
  await Promise.all([
    insertVersion(tx, tenantId, version),
    insertEvent(tx, tenantId, event),
    moveProposal(tx, tenantId, proposal_id, next),
  ]);
  return accept({ event, body: createdText({ ...proposal, ...next }, version, event) });
}
