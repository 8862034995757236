import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { always, once, type Written } from "../../platform/idempotency.ts";
import { hashOfVersion, sealEvent } from "./chain.ts";
import type { ProposalVersionRequest } from "./schemas.ts";
import {
  decideVersion,
  notBefore,
  PROPOSAL_NOT_FOUND,
  PROPOSAL_SIMULATION_DISABLED,
  type Refusal,
} from "./core.ts";
import { isSimulationDisabled } from "./create-proposal.ts";
import { refused, type Caller, type ProposalDeps, type WriteOutcome } from "./deps.ts";
import { createdText } from "./documents.ts";
import { standingAfter } from "./history.ts";
import { draftVersion, type VersionDraft } from "./prepare.ts";
import type { EventRecord, ProposalRecord, VersionRecord } from "./records.ts";
import { eventExists, insertEvent, insertVersion, lockProposal, moveProposal } from "./repository.ts";

export function versionScope(proposalId: string): string {
  return `proposals.versions ${proposalId}`;
}

/** A version as it will be stored but for its number and its time, which the proposal's lock gives. */
export type PreparedVersion = {
  readonly tenantId: string;
  readonly proposalId: string;
  readonly createdBy: string;
  readonly proposalVersionId: string;
  readonly eventId: string;
  readonly draft: VersionDraft;
};

export type VersionOutcome =
  | { readonly written: true; readonly versionNo: number; readonly body: string }
  | { readonly written: false; readonly refusal: Refusal };

/** Adds a version to a proposal, once for its key; without one (callers older than the rule), with every call. */
export async function createVersion(
  deps: ProposalDeps,
  caller: Caller,
  proposalId: string,
  request: ProposalVersionRequest,
): Promise<WriteOutcome> {
  if (isSimulationDisabled(deps, request)) {
    return { kind: "refused", refusal: PROPOSAL_SIMULATION_DISABLED };
  }
  const { tenantId, idempotencyKey: key } = caller;
  const work = {
    prepare: () => prepareVersion(deps, caller, proposalId, request),
    write: async (tx: Tx, prepared: PreparedVersion): Promise<Written> => {
      const outcome = await writeVersion(deps, tx, prepared);
      if (!outcome.written) return refused(caller, outcome.refusal);
      const { versionNo, body } = outcome;
      return { answer: { status: 200, body }, keep: true, versionMade: { proposalId, versionNo } };
    },
    locksAggregate: true,
    landed: (tx: Tx, { eventId }: PreparedVersion) => eventExists(tx, tenantId, eventId),
  };
  if (key === null) return always(deps.once, tenantId, work);
  const payloadHash = contentHash(canonicalJson(request));
  return once(deps.once, { tenantId, scope: versionScope(proposalId), key, payloadHash }, work);
}

/** Simulation and artifact of a new version. Touches nothing. */
export function prepareVersion(
  deps: Pick<ProposalDeps, "once" | "ids" | "engineVersion" | "rules">,
  caller: Pick<Caller, "tenantId" | "correlationId" | "idempotencyKey">,
  proposalId: string,
  request: ProposalVersionRequest,
): PreparedVersion {
  const { tenantId, correlationId, idempotencyKey } = caller;
  const context = { correlationId, idempotencyKey, engineVersion: deps.engineVersion };
  const packagedAt = deps.once.clock().toISOString();
  return {
    tenantId,
    proposalId,
    createdBy: request.created_by,
    proposalVersionId: deps.ids("ppv_"),
    eventId: deps.ids("pwe_"),
    draft: draftVersion(request.simulate_request, context, packagedAt, deps.rules.storesEvidenceBundle),
  };
}

/** Writes a prepared version within the caller's transaction, or says why it may not be; then nothing is written. */
export async function writeVersion(
  deps: Pick<ProposalDeps, "once" | "rules">,
  tx: Tx,
  prepared: PreparedVersion,
): Promise<VersionOutcome> {
  const { tenantId, proposalId, draft } = prepared;
  const proposal = await lockProposal(tx, tenantId, proposalId, "wait");
  if (proposal === undefined) return { written: false, refusal: PROPOSAL_NOT_FOUND };
  const decision = decideVersion(proposal.standing, draft.portfolioId, deps.rules);
  if (!decision.accepted) return { written: false, refusal: decision.refusal };
  const { versionNo } = decision.value;
  const occurredAt = notBefore(deps.once.clock().toISOString(), proposal.standing.lastEventAt);
  const version = numbered(prepared, versionNo, occurredAt);
  const event = versionEvent(proposal, version, prepared.eventId);
  const standing = standingAfter(event, { portfolioId: draft.portfolioId, versionNo });
  await Promise.all([
    insertVersion(tx, tenantId, version),
    insertEvent(tx, tenantId, event),
    moveProposal(tx, tenantId, proposalId, standing),
  ]);
  return { written: true, versionNo, body: createdText({ ...proposal, standing }, version, event) };
}

function numbered(prepared: PreparedVersion, versionNo: number, createdAt: string): VersionRecord {
  const { draft, proposalId, proposalVersionId, createdBy } = prepared;
  return { ...draft, proposalId, proposalVersionId, createdBy, versionNo, createdAt };
}

function versionEvent({ standing }: ProposalRecord, version: VersionRecord, eventId: string): EventRecord {
  const draft = {
    proposalId: version.proposalId,
    eventNo: standing.lastEventNo + 1,
    eventId,
    eventType: "NEW_VERSION_CREATED" as const,
    fromState: standing.state,
    toState: standing.state,
    actorId: version.createdBy,
    occurredAt: version.createdAt,
    correlationId: version.correlationId,
    reasonText: "{}",
    relatedVersionNo: version.versionNo,
    segregationWaived: false,
    proposalHash: null,
    versionHash: hashOfVersion(version),
    approvalId: null,
    approvalHash: null,
  };
  return sealEvent(draft, standing.lastEventHash);
}
