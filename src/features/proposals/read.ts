import { readEventually } from "../../platform/database/read-eventually.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { PROPOSAL_NOT_FOUND, PROPOSAL_VERSION_NOT_FOUND, type Refusal } from "./core.ts";
import type { ProposalDeps } from "./deps.ts";
import { approvalsText, detailText, lineageText, timelineText, versionText } from "./documents.ts";
import { asFolded, foldEvents } from "./history.ts";
import {
  findProposal,
  findVersion,
  listApprovals,
  listEvents,
  listVersions,
  proposalExists,
} from "./queries.ts";

/** An answer put together from stored bytes, or why there is none. */
export type Reading =
  { readonly found: true; readonly body: string } | { readonly found: false; readonly refusal: Refusal };

type ReadDeps = Pick<ProposalDeps, "once" | "reads">;

/** A proposal with its current version, or as it was at a moment: then from its events alone. */
export function readProposal(
  deps: ReadDeps,
  tenantId: string,
  proposalId: string,
  options: { readonly includesEvidence: boolean; readonly asOf: string | undefined },
): Promise<Reading> {
  const { includesEvidence, asOf } = options;
  return inTransaction(deps.once.database, { tenantId, readOnly: true }, (tx) =>
    asOf === undefined
      ? readCurrent(tx, tenantId, proposalId, includesEvidence)
      : readAsOf(tx, tenantId, proposalId, includesEvidence, asOf),
  );
}

async function readCurrent(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  includesEvidence: boolean,
): Promise<Reading> {
  const [proposal, version] = await Promise.all([
    findProposal(tx, tenantId, proposalId),
    findVersion(tx, tenantId, proposalId, "current", includesEvidence),
  ]);
  if (proposal === undefined) return refused(PROPOSAL_NOT_FOUND);
  if (version === undefined) return refused(PROPOSAL_VERSION_NOT_FOUND);
  return found(detailText(proposal, version));
}

async function readAsOf(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  includesEvidence: boolean,
  asOf: string,
): Promise<Reading> {
  const [proposal, events] = await Promise.all([
    findProposal(tx, tenantId, proposalId),
    listEvents(tx, tenantId, proposalId, asOf),
  ]);
  const folded = foldEvents(events);
  // Before its first event there was no proposal.
  if (proposal === undefined || folded === undefined) return refused(PROPOSAL_NOT_FOUND);
  const version = await findVersion(tx, tenantId, proposalId, folded.versionNo, includesEvidence);
  if (version === undefined) return refused(PROPOSAL_VERSION_NOT_FOUND);
  return found(detailText(asFolded(proposal, folded, version.portfolioId), version));
}

export function readVersion(
  deps: ReadDeps,
  tenantId: string,
  proposalId: string,
  versionNo: number,
  includesEvidence: boolean,
): Promise<Reading> {
  return inTransaction(deps.once.database, { tenantId, readOnly: true }, async (tx) => {
    const [exists, version] = await Promise.all([
      proposalExists(tx, tenantId, proposalId),
      findVersion(tx, tenantId, proposalId, versionNo, includesEvidence),
    ]);
    if (!exists) return refused(PROPOSAL_NOT_FOUND);
    return version === undefined ? refused(PROPOSAL_VERSION_NOT_FOUND) : found(versionText(version));
  });
}

/** The events, and the state that they lead to. */
export function readTimeline(
  deps: ReadDeps,
  tenantId: string,
  proposalId: string,
  asOf: string | undefined,
): Promise<Reading> {
  return inTransaction(deps.once.database, { tenantId, readOnly: true }, async (tx) => {
    const events = await listEvents(tx, tenantId, proposalId, asOf);
    const folded = foldEvents(events);
    return folded === undefined
      ? refused(PROPOSAL_NOT_FOUND)
      : found(timelineText(proposalId, folded.state, events));
  });
}

export function readApprovals(deps: ReadDeps, tenantId: string, proposalId: string): Promise<Reading> {
  return inTransaction(deps.once.database, { tenantId, readOnly: true }, async (tx) => {
    const [exists, approvals] = await Promise.all([
      proposalExists(tx, tenantId, proposalId),
      listApprovals(tx, tenantId, proposalId),
    ]);
    return exists ? found(approvalsText(proposalId, approvals)) : refused(PROPOSAL_NOT_FOUND);
  });
}

export function readLineage(deps: ReadDeps, tenantId: string, proposalId: string): Promise<Reading> {
  return readEventually(deps.reads, { tenantId }, async (tx) => {
    const [proposal, versions] = await Promise.all([
      findProposal(tx, tenantId, proposalId),
      listVersions(tx, tenantId, proposalId),
    ]);
    return proposal === undefined ? refused(PROPOSAL_NOT_FOUND) : found(lineageText(proposal, versions));
  });
}

function found(body: string): Reading {
  return { found: true, body };
}

function refused(refusal: Refusal): Reading {
  return { found: false, refusal };
}
