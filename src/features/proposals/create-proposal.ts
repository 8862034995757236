import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { once, type Written } from "../../platform/idempotency.ts";
import { hashOfProposal, hashOfVersion, sealEvent } from "./chain.ts";
import type { ProposalCreateRequest } from "./schemas.ts";
import { PROPOSAL_SIMULATION_DISABLED } from "./core.ts";
import type { Caller, KeyedCaller, ProposalDeps, WriteOutcome } from "./deps.ts";
import { createdText } from "./documents.ts";
import { standingAfter } from "./history.ts";
import { draftVersion } from "./prepare.ts";
import type { EventRecord, ProposalFacts, ProposalRecord, VersionRecord } from "./records.ts";
import { insertEvent, insertProposal, insertVersion } from "./repository.ts";

export const CREATE_SCOPE = "proposals.create";

/** A proposal as it will be stored, and the answer that says so. */
export type PreparedProposal = {
  readonly tenantId: string;
  readonly proposal: ProposalRecord;
  readonly version: VersionRecord;
  readonly event: EventRecord;
  readonly body: string;
};

/** Creates a proposal with its first version, once for its key. */
export async function createProposal(
  deps: ProposalDeps,
  caller: KeyedCaller,
  request: ProposalCreateRequest,
): Promise<WriteOutcome> {
  if (isSimulationDisabled(deps, request)) {
    return { kind: "refused", refusal: PROPOSAL_SIMULATION_DISABLED };
  }
  const { tenantId, idempotencyKey: key } = caller;
  const payloadHash = contentHash(canonicalJson(request));
  return once(
    deps.once,
    { tenantId, scope: CREATE_SCOPE, key, payloadHash },
    { prepare: () => prepareProposal(deps, caller, request), write: writeUnderKey },
  );
}

/** The flag is demanded of everything that simulates, unless the deployment waives it for the lifecycle. */
export function isSimulationDisabled(
  deps: Pick<ProposalDeps, "rules">,
  { simulate_request }: Pick<ProposalCreateRequest, "simulate_request">,
): boolean {
  return deps.rules.requiresSimulationFlag && !simulate_request.options.enable_proposal_simulation;
}

/** Simulation, artifact, ids, hashes and answer of a new proposal. Touches nothing. */
export function prepareProposal(
  deps: Pick<ProposalDeps, "once" | "ids" | "engineVersion" | "rules">,
  caller: Pick<Caller, "tenantId" | "correlationId" | "idempotencyKey">,
  request: ProposalCreateRequest,
): PreparedProposal {
  const { tenantId, correlationId, idempotencyKey } = caller;
  const createdAt = deps.once.clock().toISOString();
  const context = { correlationId, idempotencyKey, engineVersion: deps.engineVersion };
  const draft = draftVersion(request.simulate_request, context, createdAt, deps.rules.storesEvidenceBundle);
  const proposalId = deps.ids("pp_");
  const createdBy = request.created_by;
  const version = {
    ...draft,
    proposalId,
    versionNo: 1,
    proposalVersionId: deps.ids("ppv_"),
    createdBy,
    createdAt,
  };
  const facts = factsOf(request, { proposalId, createdBy, createdAt, correlationId });
  const event = firstEvent(tenantId, deps.ids("pwe_"), facts, version);
  const standing = standingAfter(event, { portfolioId: draft.portfolioId, versionNo: 1 });
  const proposal = { facts, standing };
  return { tenantId, proposal, version, event, body: createdText(proposal, version, event) };
}

function factsOf(
  { metadata }: ProposalCreateRequest,
  origin: Pick<ProposalFacts, "proposalId" | "createdBy" | "createdAt" | "correlationId">,
): ProposalFacts {
  return {
    ...origin,
    title: metadata.title,
    advisorNotes: metadata.advisor_notes,
    jurisdiction: metadata.jurisdiction,
    mandateId: metadata.mandate_id,
  };
}

function firstEvent(
  tenantId: string,
  eventId: string,
  facts: ProposalFacts,
  version: VersionRecord,
): EventRecord {
  const draft = {
    proposalId: facts.proposalId,
    eventNo: 1,
    eventId,
    eventType: "CREATED" as const,
    fromState: null,
    toState: "DRAFT" as const,
    actorId: facts.createdBy,
    occurredAt: facts.createdAt,
    correlationId: facts.correlationId,
    reasonText: "{}",
    relatedVersionNo: 1,
    segregationWaived: false,
    proposalHash: hashOfProposal(tenantId, facts),
    versionHash: hashOfVersion(version),
    approvalId: null,
    approvalHash: null,
  };
  return sealEvent(draft, null);
}

/** Writes a prepared proposal, in one flight, within the caller's transaction. */
export async function writeProposal(tx: Tx, prepared: PreparedProposal): Promise<void> {
  const { tenantId, proposal, version, event } = prepared;
  await Promise.all([
    insertProposal(tx, tenantId, proposal),
    insertVersion(tx, tenantId, version),
    insertEvent(tx, tenantId, event),
  ]);
}

async function writeUnderKey(tx: Tx, prepared: PreparedProposal): Promise<Written> {
  const { proposalId, versionNo } = prepared.version;
  await writeProposal(tx, prepared);
  return { answer: { status: 200, body: prepared.body }, keep: true, versionMade: { proposalId, versionNo } };
}
