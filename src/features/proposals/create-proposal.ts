import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import type { IdempotencyScope } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome } from "../../platform/idempotency/write.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import {
  isSimulationDisabled,
  PROPOSAL_SIMULATION_DISABLED,
  type Caller,
  type KeyedCaller,
  type Refused,
} from "./core.ts";
import { leftBy, type EventRow } from "./event.ts";
import { draftVersion } from "./prepare-version.ts";
import { createdText, hashOfProposal, type ProposalRow } from "./proposal.ts";
import { ANSWER_OF_VERSION } from "./repository/idempotency-queries.ts";
import { insertEvent, insertProposal } from "./repository/proposals.ts";
import { insertVersion } from "./repository/versions.ts";
import type { ProposalCreateRequest } from "./schemas.ts";
import { versionEvent, type VersionRow } from "./version.ts";

export const CREATE: IdempotencyScope = {
  name: "proposals.create",
  inconsistent: "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_OF_VERSION,
};

/** A proposal as it will be stored, and the answer that says so. */
export type PreparedProposal = {
  readonly tenantId: string;
  readonly proposal: ProposalRow;
  readonly version: VersionRow;
  readonly event: EventRow;
  readonly body: string;
};

/** Creates a proposal with its first version, once for its key. */
export async function createProposal(
  deps: Pick<Runtime, "writes" | "clock" | "newId" | "engineVersion" | "config">,
  caller: KeyedCaller,
  request: ProposalCreateRequest,
): Promise<WriteOutcome<EventRow> | Refused> {
  if (isSimulationDisabled(deps.config.proposals, request.simulate_request)) {
    return { kind: "refused", refusal: PROPOSAL_SIMULATION_DISABLED };
  }
  const { tenantId, idempotencyKey: key } = caller;
  const payloadHash = contentHash(canonicalJson(request));
  return write<PreparedProposal, EventRow>(deps.writes, {
    tenantId,
    key: { tenantId, scope: CREATE, recordScope: CREATE.name, key, payloadHash },
    prepare: () => prepareProposal(deps, caller, request),
    write: async (tx, prepared) => {
      const { version, event, body } = prepared;
      await writeProposal(tx, prepared);
      return { answer: { status: 200, body }, made: event, record: { proposal: version } };
    },
  });
}

/** Simulation, artifact, ids, hashes and answer of a new proposal. Touches nothing. */
export function prepareProposal(
  deps: Pick<Runtime, "clock" | "newId" | "engineVersion" | "config">,
  caller: Pick<Caller, "tenantId" | "correlationId" | "idempotencyKey">,
  request: ProposalCreateRequest,
): PreparedProposal {
  const { tenantId, correlationId, idempotencyKey } = caller;
  const { created_by, metadata, simulate_request } = request;
  const { title, advisor_notes, jurisdiction, mandate_id } = metadata;
  const created_at = deps.clock().toISOString();
  const proposal_id = deps.newId("pp_");
  const context = { correlationId, idempotencyKey, engineVersion: deps.engineVersion };
  const draft = draftVersion(
    simulate_request,
    context,
    created_at,
    deps.config.proposals.storesEvidenceBundle,
  );
  const origin = { proposal_id, created_by, created_at, correlation_id: correlationId };
  const version = { ...draft, ...origin, version_no: 1, proposal_version_id: deps.newId("ppv_") };
  const facts = { ...origin, title, advisor_notes, jurisdiction, mandate_id };
  const event = versionEvent(version, deps.newId("pwe_"), {
    proposal_hash: hashOfProposal(tenantId, facts),
  });
  const { portfolio_id } = version;
  const proposal = { ...facts, ...leftBy(event), portfolio_id, current_version_no: 1 };
  return { tenantId, proposal, version, event, body: createdText(proposal, version, event) };
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
