import type { FastifyReply } from "fastify";
import { OVERLOADED } from "../../platform/http/failures.ts";
import { sendPage, varyBy } from "../../platform/http/pages.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import type { Runtime } from "../../runtime.ts";
import { PROPOSAL_NOT_FOUND, PROPOSAL_VERSION_NOT_FOUND } from "../proposals/core.ts";
import type { VerifyProposal } from "../proposals/verify-proposal.ts";
import { MISSING_RUN } from "../runs/run-paths.ts";
import { WAVE_NOT_FOUND } from "../waves/names.ts";
import { preferredLanguage, type LanguageTag } from "./language.ts";
import { REPORT_STYLE } from "./pages/style.ts";
import { reportProposal } from "./report-proposal.ts";
import { reportRun } from "./report-run.ts";
import { reportWave } from "./report-wave.ts";
import * as schemas from "./schemas.ts";

type Options = Pick<Runtime, "config"> & { readonly verifyProposal: VerifyProposal };

const RUN_NOT_FOUND = MISSING_RUN.run_not_found;

/** Pages of what is stored, for people. Those of artifacts are switched off with them. */
export const reports: FeaturePlugin<Options> = async (app, options) => {
  await app.register(proposalReports, options);
  await app.register(runReports, options);
  await app.register(waveReports, options);
};

const proposalReports: FeaturePlugin<Options> = (app, { config, verifyProposal }) => {
  const { isLifecycleEnabled } = config.proposals;
  switchGroup(app, isLifecycleEnabled, "PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED");

  app.get(
    "/rebalance/proposals/:proposal_id/report",
    {
      schema: schemas.getProposalReport,
      config: {
        scope: "proposals:read",
        problems: [PROPOSAL_NOT_FOUND, PROPOSAL_VERSION_NOT_FOUND, OVERLOADED],
        deadlineMs: config.server.verifyDeadlineMs,
      },
    },
    async ({ runtime, context, params, query, headers }, reply) => {
      const language = preferredLanguage(headers["accept-language"]);
      const wanted = { proposalId: params.proposal_id, versionNo: query.version_no ?? null, language };
      const report = await reportProposal({ ...runtime, verifyProposal }, context.tenantId, wanted);
      return report.found ? sendReport(reply, language, report.page) : reply.problem(report.refusal);
    },
  );

  return Promise.resolve();
};

const runReports: FeaturePlugin<Options> = (app, { config }) => {
  const { areArtifactsEnabled } = config.rebalance;
  switchGroup(app, areArtifactsEnabled, "DPM_ARTIFACTS_DISABLED");

  app.get(
    "/rebalance/runs/:rebalance_run_id/report",
    {
      schema: schemas.getRunReport,
      config: {
        scope: "rebalance:read",
        problems: [RUN_NOT_FOUND, OVERLOADED],
        deadlineMs: config.server.verifyDeadlineMs,
      },
    },
    async ({ runtime, context, params, headers }, reply) => {
      const language = preferredLanguage(headers["accept-language"]);
      const page = await reportRun(runtime, context.tenantId, params.rebalance_run_id, language);
      return page === undefined ? reply.problem(RUN_NOT_FOUND) : sendReport(reply, language, page);
    },
  );

  return Promise.resolve();
};

const waveReports: FeaturePlugin<Pick<Options, "config">> = (app, { config }) => {
  app.get(
    "/rebalance/waves/:wave_id/report",
    {
      schema: schemas.getWaveReport,
      config: {
        scope: "waves:read",
        problems: [WAVE_NOT_FOUND],
        deadlineMs: config.server.verifyDeadlineMs,
      },
    },
    async ({ runtime, context, params, headers }, reply) => {
      const language = preferredLanguage(headers["accept-language"]);
      const page = await reportWave(runtime, context.tenantId, params.wave_id, language);
      return page === undefined ? reply.problem(WAVE_NOT_FOUND) : sendReport(reply, language, page);
    },
  );

  return Promise.resolve();
};

/** It shows a moment, to whoever may read it: it is kept nowhere. */
function sendReport(reply: FastifyReply, language: LanguageTag, text: string): FastifyReply {
  void reply.header("cache-control", "no-store");
  varyBy(reply, "Accept-Language");
  return sendPage(reply, { text, style: REPORT_STYLE, language });
}
