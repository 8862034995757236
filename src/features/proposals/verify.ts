import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { PROPOSAL_NOT_FOUND } from "./core.ts";
import type { ProposalDeps } from "./deps.ts";
import { findProposal, findWholeVersion, listApprovals, listEvents, listVersions } from "./queries.ts";
import type { Reading } from "./read.ts";
import {
  verifyDocuments,
  verifyHistory,
  type StoredProposal,
  type VerificationFailure,
} from "./verification.ts";

/**
 * Recomputes everything that is stored of a proposal: its history from one snapshot, then version after version, each
 * read by itself, as they never change and are large.
 */
export async function verifyProposal(
  deps: Pick<ProposalDeps, "once">,
  tenantId: string,
  proposalId: string,
): Promise<Reading> {
  const stored = await readStored(deps, tenantId, proposalId);
  if (stored === undefined) return { found: false, refusal: PROPOSAL_NOT_FOUND };
  const failures = verifyHistory(tenantId, stored);
  for (const { versionNo } of stored.versions) {
    failures.push(...(await verifyVersion(deps, tenantId, proposalId, versionNo)));
  }
  const checked = {
    approvals: stored.approvals.length,
    events: stored.events.length,
    versions: stored.versions.length,
  };
  return { found: true, body: canonicalJson({ checked, failures, valid: failures.length === 0 }) };
}

async function verifyVersion(
  deps: Pick<ProposalDeps, "once">,
  tenantId: string,
  proposalId: string,
  versionNo: number,
): Promise<VerificationFailure[]> {
  const version = await inTransaction(deps.once.database, { tenantId, readOnly: true }, (tx) =>
    findWholeVersion(tx, tenantId, proposalId, versionNo),
  );
  return version === undefined ? [] : verifyDocuments(version);
}

function readStored(
  deps: Pick<ProposalDeps, "once">,
  tenantId: string,
  proposalId: string,
): Promise<StoredProposal | undefined> {
  return inTransaction(deps.once.database, { tenantId, readOnly: true }, async (tx) => {
    const [proposal, versions, events, approvals] = await Promise.all([
      findProposal(tx, tenantId, proposalId),
      listVersions(tx, tenantId, proposalId),
      listEvents(tx, tenantId, proposalId, undefined),
      listApprovals(tx, tenantId, proposalId),
    ]);
    return proposal === undefined ? undefined : { proposal, versions, events, approvals };
  });
}
