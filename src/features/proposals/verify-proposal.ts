import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import { PROPOSAL_NOT_FOUND } from "./core.ts";
import type { FoundText } from "./read-proposals.ts";
import { findProposal, listApprovals, listEvents } from "./repository/proposals.ts";
import { findWholeVersion, listVersions } from "./repository/versions.ts";
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
  { database }: Pick<Runtime, "database">,
  tenantId: string,
  proposalId: string,
): Promise<FoundText> {
  const stored = await readStored(database, tenantId, proposalId);
  if (stored === undefined) return { found: false, refusal: PROPOSAL_NOT_FOUND };
  const failures = verifyHistory(tenantId, stored);
  for (const { version_no } of stored.versions) {
    failures.push(...(await verifyVersion(database, tenantId, proposalId, version_no)));
  }
  const checked = {
    approvals: stored.approvals.length,
    events: stored.events.length,
    versions: stored.versions.length,
  };
  return { found: true, body: canonicalJson({ checked, failures, valid: failures.length === 0 }) };
}

async function verifyVersion(
  database: Database,
  tenantId: string,
  proposalId: string,
  versionNo: number,
): Promise<VerificationFailure[]> {
  const version = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    findWholeVersion(tx, tenantId, proposalId, versionNo),
  );
  return version === undefined ? [] : verifyDocuments(version);
}

function readStored(
  database: Database,
  tenantId: string,
  proposalId: string,
): Promise<StoredProposal | undefined> {
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const [proposal, versions, events, approvals] = await Promise.all([
      findProposal(tx, tenantId, proposalId),
      listVersions(tx, tenantId, proposalId),
      listEvents(tx, tenantId, proposalId),
      listApprovals(tx, tenantId, proposalId),
    ]);
    return proposal === undefined ? undefined : { proposal, versions, events, approvals };
  });
}
