import type { DocumentText } from "../../platform/body-type.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { orRefuse } from "../../platform/http/accepted.ts";
import { subjectOf } from "../../platform/http/context.ts";
import type { IdempotencyScope } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome } from "../../platform/idempotency/write.ts";
import type { RefusedInput } from "../../platform/refused-input.ts";
import type { CalculationTerms } from "../../platform/threads.ts";
import type { Runtime } from "../../runtime.ts";
import type { DraftDocument } from "./bodies.ts";
import { PREPARE_PROPOSAL, type PreparedProposal } from "./calculations.ts";
import {
  isSimulationDisabled,
  PROPOSAL_SIMULATION_DISABLED,
  type Caller,
  type KeyedCaller,
  type Refused,
} from "./core.ts";
import type { EventRow } from "./event.ts";
import type { SimulationContext } from "./prepare-version.ts";
import { ANSWER_OF_VERSION } from "./repository/idempotency-queries.ts";
import { insertEvent, insertProposal } from "./repository/proposals.ts";
import { insertVersion } from "./repository/versions.ts";

export const CREATE: IdempotencyScope = {
  name: "proposals.create",
  inconsistent: "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_OF_VERSION,
};

/** What proposals and versions are made with. */
export type ProposalDeps = Pick<Runtime, "clock" | "newId" | "engineVersion" | "config" | "calculations">;

/** Of whom a proposal or a version is made, by a request or by the operation that a request left. */
export type DraftCaller = Pick<Caller, "tenantId" | "correlationId" | "idempotencyKey" | "caller">;

/** The context of a simulation that a request, or the operation it left, asks for. */
export function simulationContext(
  { engineVersion, config }: Pick<Runtime, "engineVersion" | "config">,
  { correlationId, idempotencyKey }: Pick<DraftCaller, "correlationId" | "idempotencyKey">,
): SimulationContext {
  const { defaultRulesVersion } = config.contract;
  return { correlationId, idempotencyKey, engineVersion, defaultRulesVersion };
}

/** Creates a proposal with its first version, once for its key. */
export async function createProposal(
  deps: ProposalDeps & Pick<Runtime, "writes">,
  caller: KeyedCaller,
  document: DraftDocument,
): Promise<WriteOutcome<EventRow> | Refused> {
  if (isSimulationDisabled(deps.config.proposals, document)) {
    return { kind: "refused", refusal: PROPOSAL_SIMULATION_DISABLED };
  }
  const { tenantId, idempotencyKey: key } = caller;
  const { cost, hash: payloadHash } = document;
  return write<PreparedProposal, EventRow>(deps.writes, {
    tenantId,
    key: { tenantId, scope: CREATE, recordScope: CREATE.name, key, payloadHash },
    prepare: async () => orRefuse(await prepareProposal(deps, caller, document, { cost })),
    write: async (tx, prepared) => {
      const { version, event, body } = prepared;
      await writeProposal(tx, prepared);
      return { answer: { status: 200, body }, made: event, record: { proposal: version } };
    },
  });
}

/** Simulation, artifact, ids, hashes and answer of a new proposal. Touches nothing. */
export function prepareProposal(
  deps: ProposalDeps,
  caller: DraftCaller,
  document: DocumentText,
  terms: CalculationTerms,
): Promise<PreparedProposal | RefusedInput> {
  const { tenantId } = caller;
  const input = {
    document,
    tenantId,
    context: simulationContext(deps, caller),
    keepsEvidence: deps.config.proposals.storesEvidenceBundle,
    createdAt: deps.clock().toISOString(),
    proposalId: deps.newId("pp_"),
    versionId: deps.newId("ppv_"),
    eventId: deps.newId("pwe_"),
    authenticatedSubject: subjectOf(caller),
  };
  return deps.calculations.run(PREPARE_PROPOSAL, input, terms);
}

/** Writes a prepared proposal, its statements pipelined, within the caller's transaction. */
export async function writeProposal(tx: Tx, prepared: PreparedProposal): Promise<void> {
  const { tenantId, proposal, version, event } = prepared;
  await Promise.all([
    insertProposal(tx, tenantId, proposal),
    insertVersion(tx, tenantId, version),
    insertEvent(tx, tenantId, event),
  ]);
}
