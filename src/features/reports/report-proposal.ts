import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { wholeText } from "../../platform/text-parts.ts";
import type { Runtime } from "../../runtime.ts";
import { PROPOSAL_NOT_FOUND, PROPOSAL_VERSION_NOT_FOUND, type ProposalRefusal } from "../proposals/core.ts";
import type { ProposalRow } from "../proposals/proposal.ts";
import { ProposalVerificationResponse } from "../proposals/read-schemas.ts";
import { findProposal, listApprovals, listEventsBetween } from "../proposals/repository/proposals.ts";
import { findPackagedVersion } from "../proposals/repository/versions.ts";
import type { VerifyProposal } from "../proposals/verify-proposal.ts";
import { costOfReport, REPORT_PROPOSAL, type ProposalReportInput } from "./calculations.ts";
import type { Verification } from "./core/report.ts";
import type { LanguageTag } from "./language.ts";

/** Of the history of a proposal, the newest; what is older can be read at its timeline. */
const MOST_EVENTS = 200;

export type ReportText =
  | { readonly found: true; readonly page: string }
  | { readonly found: false; readonly refusal: ProposalRefusal };

type Deps = Pick<Runtime, "database" | "calculations" | "clock" | "config"> & {
  readonly verifyProposal: VerifyProposal;
};

type Stored = Pick<ProposalReportInput, "proposal" | "version" | "history">;

/** The page of a version: what is stored of it, and whether all that is stored of its proposal holds at this moment. */
export async function reportProposal(
  { database, calculations, clock, config, verifyProposal }: Deps,
  tenantId: string,
  wanted: {
    readonly proposalId: string;
    /** Null: the current one. */
    readonly versionNo: number | null;
    readonly language: LanguageTag;
  },
): Promise<ReportText> {
  const { proposalId, versionNo, language } = wanted;
  const { areSupportApisEnabled } = config.proposals;
  const stored = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    readStored(tx, tenantId, proposalId, versionNo, areSupportApisEnabled),
  );
  if (stored === undefined) {
    return { found: false, refusal: versionNo === null ? PROPOSAL_NOT_FOUND : PROPOSAL_VERSION_NOT_FOUND };
  }
  const verification = areSupportApisEnabled
    ? await verify(verifyProposal, database, tenantId, proposalId)
    : null;
  const input = { ...stored, verification, language, reportedAt: clock().toISOString() };
  const cost = costOfReport(stored.version.artifact_text);
  return { found: true, page: await calculations.run(REPORT_PROPOSAL, input, { cost }) };
}

async function readStored(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  versionNo: number | null,
  withHistory: boolean,
): Promise<Stored | undefined> {
  const [proposal, version] = await Promise.all([
    findProposal(tx, tenantId, proposalId),
    findPackagedVersion(tx, tenantId, proposalId, versionNo ?? "current"),
  ]);
  if (proposal === undefined || version === undefined) return undefined;
  const history = withHistory ? await readHistory(tx, tenantId, proposal) : null;
  return { proposal, version, history };
}

async function readHistory(
  tx: Tx,
  tenantId: string,
  { proposal_id, last_event_no }: ProposalRow,
): Promise<NonNullable<Stored["history"]>> {
  const newest = { after: Math.max(0, last_event_no - MOST_EVENTS), upTo: last_event_no };
  const [approvals, events] = await Promise.all([
    listApprovals(tx, tenantId, proposal_id),
    listEventsBetween(tx, tenantId, proposal_id, newest, MOST_EVENTS),
  ]);
  // Plain arrays, which can be sent to a thread.
  return { approvals: [...approvals], events: [...events] };
}

async function verify(
  verifyProposal: VerifyProposal,
  database: Deps["database"],
  tenantId: string,
  proposalId: string,
): Promise<Verification | null> {
  const verified = await verifyProposal({ database }, tenantId, proposalId);
  return verified.found ? ProposalVerificationResponse.parse(JSON.parse(wholeText(verified.body))) : null;
}
