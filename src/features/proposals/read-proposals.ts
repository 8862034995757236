import { databaseFault } from "../../platform/database/errors.ts";
import { readEventually } from "../../platform/database/read-eventually.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { Runtime } from "../../runtime.ts";
import { PROPOSAL_NOT_FOUND, PROPOSAL_VERSION_NOT_FOUND, type ProposalRefusal } from "./core.ts";
import { approvalsText, timelineText } from "./event.ts";
import { replay } from "./history.ts";
import { detailText, lineageText } from "./proposal.ts";
import {
  findProposal,
  listApprovals,
  listEvents,
  pingStore,
  proposalExists,
} from "./repository/proposals.ts";
import { findVersion, listVersions } from "./repository/versions.ts";
import { versionText } from "./version.ts";

/** An answer put together from stored bytes, or why there is none. */
export type FoundText =
  | { readonly found: true; readonly body: Text }
  | { readonly found: false; readonly refusal: ProposalRefusal };

type Deps = Pick<Runtime, "database">;

/** A proposal with its current version, or as it was at a moment: then from its events alone. */
export function readProposal(
  { database }: Deps,
  tenantId: string,
  proposalId: string,
  options: { readonly includesEvidence: boolean; readonly asOf: string | undefined },
): Promise<FoundText> {
  const { includesEvidence, asOf } = options;
  return inTransaction(database, { tenantId, readOnly: true }, (tx) =>
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
): Promise<FoundText> {
  const [proposal, version] = await Promise.all([
    findProposal(tx, tenantId, proposalId),
    findVersion(tx, tenantId, proposalId, "current", includesEvidence),
  ]);
  if (proposal === undefined) return notFound(PROPOSAL_NOT_FOUND);
  if (version === undefined) return notFound(PROPOSAL_VERSION_NOT_FOUND);
  return found(detailText(proposal, version));
}

async function readAsOf(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  includesEvidence: boolean,
  asOf: string,
): Promise<FoundText> {
  const [proposal, events] = await Promise.all([
    findProposal(tx, tenantId, proposalId),
    listEvents(tx, tenantId, proposalId, asOf),
  ]);
  const state = replay(events);
  // Before its first event there was no proposal.
  if (proposal === undefined || state === undefined) return notFound(PROPOSAL_NOT_FOUND);
  const version = await findVersion(tx, tenantId, proposalId, state.current_version_no, includesEvidence);
  if (version === undefined) return notFound(PROPOSAL_VERSION_NOT_FOUND);
  const { portfolio_id } = version;
  return found(detailText({ ...proposal, ...state, portfolio_id }, version));
}

export function readVersion(
  { database }: Deps,
  tenantId: string,
  proposalId: string,
  versionNo: number,
  includesEvidence: boolean,
): Promise<FoundText> {
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const version = await findVersion(tx, tenantId, proposalId, versionNo, includesEvidence);
    return version === undefined ? notFound(PROPOSAL_VERSION_NOT_FOUND) : found(versionText(version));
  });
}

/** The events, and the state that they lead to. */
export function readTimeline(
  { database }: Deps,
  tenantId: string,
  proposalId: string,
  asOf?: string,
): Promise<FoundText> {
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const events = await listEvents(tx, tenantId, proposalId, asOf);
    const state = replay(events);
    return state === undefined
      ? notFound(PROPOSAL_NOT_FOUND)
      : found(timelineText(proposalId, state.current_state, events));
  });
}

export function readApprovals({ database }: Deps, tenantId: string, proposalId: string): Promise<FoundText> {
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const [exists, approvals] = await Promise.all([
      proposalExists(tx, tenantId, proposalId),
      listApprovals(tx, tenantId, proposalId),
    ]);
    return exists ? found(approvalsText(proposalId, approvals)) : notFound(PROPOSAL_NOT_FOUND);
  });
}

/** The versions with their hashes. */
export function readLineage(
  { reads }: Pick<Runtime, "reads">,
  tenantId: string,
  proposalId: string,
): Promise<FoundText> {
  return readEventually(reads, { tenantId }, async (tx) => {
    const [proposal, versions] = await Promise.all([
      findProposal(tx, tenantId, proposalId),
      listVersions(tx, tenantId, proposalId),
    ]);
    return proposal === undefined ? notFound(PROPOSAL_NOT_FOUND) : found(lineageText(proposal, versions));
  });
}

const PING_MS = 2_000;

/** What keeps the store from answering, by its code; null when it answers. */
export async function readStoreFault({ database }: Deps): Promise<string | null> {
  try {
    await inTransaction(database, { tenantId: null, readOnly: true, deadlineMs: PING_MS }, pingStore);
    return null;
  } catch (error) {
    const fault = databaseFault(error);
    if (fault === undefined) throw error;
    return `PROPOSAL_STORE_${fault.kind.toUpperCase()}`;
  }
}

function found(body: Text): FoundText {
  return { found: true, body };
}

function notFound(refusal: ProposalRefusal): FoundText {
  return { found: false, refusal };
}
