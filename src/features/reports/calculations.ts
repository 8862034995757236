import * as z from "zod";
import { contentHash } from "../../platform/hash.ts";
import type { Calculation } from "../../platform/threads.ts";
import type { ApprovalRow, EventRow } from "../proposals/event.ts";
import type { ProposalRow } from "../proposals/proposal.ts";
import type { PackagedVersion } from "../proposals/repository/versions.ts";
import type { RunDecision } from "../reviews/core.ts";
import { artifactIdOf, makeArtifact } from "../runs/artifact.ts";
import type { StoredRun } from "../runs/repository.ts";
import { decisionsOfProposal, decisionsOfRun, NOT_SHOWN } from "./core/decisions.ts";
import { proposalReport } from "./core/proposal-report.ts";
import type { Verification } from "./core/report.ts";
import { runReport } from "./core/run-report.ts";
import { readStoredPart } from "./core/stored.ts";
import { languageOf, type LanguageTag } from "./language.ts";
import { reportPage } from "./pages/report-page.ts";

type Common = {
  readonly language: LanguageTag;
  readonly reportedAt: string;
  /** Null: the deployment has switched it off. */
  readonly verification: Verification | null;
};

export type ProposalReportInput = Common & {
  readonly proposal: ProposalRow;
  readonly version: PackagedVersion;
  /** Null: the deployment has switched off what tells of them. */
  readonly history: {
    readonly approvals: readonly ApprovalRow[];
    readonly events: readonly EventRow[];
  } | null;
};

/** The page of a version of a proposal. */
export const REPORT_PROPOSAL: Calculation<ProposalReportInput, string> = {
  name: "report a proposal",
  compute: ({ language, reportedAt, verification, proposal, version, history }) => {
    const report = proposalReport(version.artifact_text, {
      head: {
        id: proposal.proposal_id,
        title: proposal.title,
        notes: proposal.advisor_notes,
        portfolioId: version.portfolio_id,
        mandateId: proposal.mandate_id,
        jurisdiction: proposal.jurisdiction,
        version: { shown: version.version_no, current: proposal.current_version_no },
        state: proposal.current_state,
        createdBy: version.created_by,
        createdAt: version.created_at,
        reportedAt,
      },
      decisions: history === null ? NOT_SHOWN : decisionsOfProposal(history),
      evidence: {
        ids: [
          { name: "proposal_id", value: proposal.proposal_id },
          { name: "proposal_version_id", value: version.proposal_version_id },
          { name: "correlation_id", value: version.correlation_id },
        ],
        hashes: [
          { name: "artifact_hash", value: version.artifact_hash },
          { name: "request_hash", value: version.request_hash },
          { name: "simulation_hash", value: version.simulation_hash },
          { name: "last_event_hash", value: proposal.last_event_hash },
        ],
        engineVersion: version.engine_version,
        verification,
      },
    });
    return reportPage(report, languageOf(language));
  },
};

export type RunReportInput = Common & {
  readonly run: StoredRun;
  /** Null: the deployment has switched reviews off. `status`: where the review stands. */
  readonly review: { readonly status: string; readonly decisions: readonly RunDecision[] } | null;
};

const ArtifactHash = z.object({ evidence: z.object({ hashes: z.object({ artifact_hash: z.string() }) }) });

/** The page of a run. */
export const REPORT_RUN: Calculation<RunReportInput, string> = {
  name: "report a run",
  compute: ({ language, reportedAt, verification, run, review }) => {
    const artifact = artifactOf(run);
    const hash = readStoredPart(ArtifactHash, artifact)?.evidence.hashes.artifact_hash;
    const report = runReport(artifact, {
      head: {
        id: run.rebalance_run_id,
        title: null,
        notes: null,
        portfolioId: run.portfolio_id,
        mandateId: null,
        jurisdiction: null,
        version: null,
        state: review?.status ?? null,
        createdBy: run.authenticated_subject,
        createdAt: run.created_at,
        reportedAt,
      },
      decisions: review === null ? NOT_SHOWN : decisionsOfRun(review.decisions),
      evidence: {
        ids: [
          { name: "rebalance_run_id", value: run.rebalance_run_id },
          { name: "artifact_id", value: artifactIdOf(run.rebalance_run_id) },
          { name: "correlation_id", value: run.correlation_id },
        ],
        hashes: [
          ...(hash === undefined ? [] : [{ name: "artifact_hash", value: hash }]),
          { name: "request_hash", value: run.request_hash },
          { name: "input_hash", value: run.input_hash },
          { name: "result_hash", value: run.result_hash },
        ],
        engineVersion: run.engine_version,
        verification,
      },
    });
    return reportPage(report, languageOf(language));
  },
};

/** Empty where the documents that it is made of were altered, so that they make none. */
function artifactOf(run: StoredRun): string {
  const isUnaltered =
    contentHash(run.input_text) === run.input_hash && contentHash(run.result_text) === run.result_hash;
  try {
    return run.artifact_text ?? makeArtifact(run);
  } catch (error) {
    if (isUnaltered) throw error;
    return "";
  }
}

/** An estimate of their work, in positions that are calculated once: some 500 characters of a document. */
export function costOfReport(...documents: readonly string[]): number {
  return documents.reduce((sum, { length }) => sum + length, 0) / 500;
}
