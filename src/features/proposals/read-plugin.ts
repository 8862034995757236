import type { FastifyReply } from "fastify";
import { readEventually } from "../../platform/database/read-eventually.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { OVERLOADED } from "../../platform/http/failures.ts";
import { pageOfRows, pageText } from "../../platform/http/pagination.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import { PROPOSAL_NOT_FOUND, PROPOSAL_VERSION_NOT_FOUND } from "./core.ts";
import { CREATE } from "./create-proposal.ts";
import {
  readApprovals,
  readLineage,
  readProposal,
  readStoreFault,
  readTimeline,
  readVersion,
  type FoundText,
} from "./read-proposals.ts";
import * as schemas from "./read-schemas.ts";
import { findKeyMapping } from "./repository/idempotency-queries.ts";
import { listProposals } from "./repository/proposals.ts";
import type { VerifyProposal } from "./verify-proposal.ts";

type Options = Pick<Runtime, "config">;
type SupportOptions = Options & { readonly verifyProposal: VerifyProposal };

const KEY_NOT_FOUND = { status: 404, detail: "PROPOSAL_IDEMPOTENCY_KEY_NOT_FOUND" } as const;
const INCONSISTENT = { status: 503, detail: CREATE.inconsistent, retryAfterSeconds: 1 };

/** Proposals and their versions. */
export const reads: FeaturePlugin<object> = (app) => {
  app.get(
    "/rebalance/proposals",
    { schema: schemas.listProposals, config: { scope: "proposals:read" } },
    async ({ runtime, context: { tenantId }, query }, reply) => {
      const { limit, cursor: after, ...filters } = query;
      const page = { tenantId, after, limit };
      const rows = await readEventually(runtime.reads, { tenantId }, (tx) =>
        listProposals(tx, tenantId, filters, page),
      );
      const { items, nextCursor } = pageOfRows(rows, page, schemas.proposalCursor, (row) => ({
        createdAt: row.created_at,
        id: row.proposal_id,
      }));
      return reply.answer(pageText(items, nextCursor));
    },
  );

  app.get(
    "/rebalance/proposals/:proposal_id",
    { schema: schemas.getProposal, config: { scope: "proposals:read", problems: [PROPOSAL_NOT_FOUND] } },
    async ({ runtime, context, params, query }, reply) => {
      const options = { includesEvidence: query.include_evidence, asOf: query.as_of };
      return send(reply, await readProposal(runtime, context.tenantId, params.proposal_id, options));
    },
  );

  app.get(
    "/rebalance/proposals/:proposal_id/versions/:version_no",
    {
      schema: schemas.getProposalVersion,
      config: { scope: "proposals:read", problems: [PROPOSAL_VERSION_NOT_FOUND] },
    },
    async ({ runtime, context: { tenantId }, params, query }, reply) => {
      const { proposal_id, version_no } = params;
      return send(
        reply,
        await readVersion(runtime, tenantId, proposal_id, version_no, query.include_evidence),
      );
    },
  );

  return Promise.resolve();
};

/** What support and audit ask. */
export const support: FeaturePlugin<SupportOptions> = (app, options) => {
  const { verifyProposal } = options;
  const { areSupportApisEnabled } = options.config.proposals;
  const { verifyDeadlineMs } = options.config.server;
  switchGroup(app, areSupportApisEnabled, "PROPOSAL_SUPPORT_APIS_DISABLED");
  const config = { scope: "proposals:read", problems: [PROPOSAL_NOT_FOUND] } as const;

  app.get(
    "/rebalance/proposals/:proposal_id/workflow-events",
    { schema: schemas.listProposalEvents, config },
    async ({ runtime, context, params, query }, reply) =>
      send(reply, await readTimeline(runtime, context.tenantId, params.proposal_id, query.as_of)),
  );

  app.get(
    "/rebalance/proposals/:proposal_id/approvals",
    { schema: schemas.listProposalApprovals, config },
    async ({ runtime, context, params }, reply) =>
      send(reply, await readApprovals(runtime, context.tenantId, params.proposal_id)),
  );

  app.get(
    "/rebalance/proposals/:proposal_id/lineage",
    { schema: schemas.getProposalLineage, config },
    async ({ runtime, context, params }, reply) =>
      send(reply, await readLineage(runtime, context.tenantId, params.proposal_id)),
  );

  app.get(
    "/rebalance/proposals/:proposal_id/verify",
    {
      schema: schemas.verifyProposal,
      config: {
        scope: "proposals:read",
        problems: [PROPOSAL_NOT_FOUND, OVERLOADED],
        deadlineMs: verifyDeadlineMs,
      },
    },
    async ({ runtime, context, params }, reply) =>
      send(reply, await verifyProposal(runtime, context.tenantId, params.proposal_id)),
  );

  app.get(
    "/rebalance/proposals/idempotency/:idempotency_key",
    {
      schema: schemas.getProposalByIdempotencyKey,
      config: { scope: "proposals:read", problems: [KEY_NOT_FOUND, INCONSISTENT] },
    },
    async ({ runtime, context: { tenantId }, params }, reply) => {
      const found = await inTransaction(runtime.database, { tenantId, readOnly: true }, (tx) =>
        findKeyMapping(tx, tenantId, params.idempotency_key, CREATE.name),
      );
      if (found === undefined) return reply.problem(KEY_NOT_FOUND);
      const { is_whole, ...mapping } = found;
      return is_whole ? reply.answer(canonicalJson(mapping)) : reply.problem(INCONSISTENT);
    },
  );

  return Promise.resolve();
};

/** Answers whatever is switched off: it tells. */
export const configuration: FeaturePlugin<Options> = (app, options) => {
  const settings = options.config.proposals;
  app.get(
    "/rebalance/proposals/supportability/config",
    { schema: schemas.getProposalConfig, config: { scope: "proposals:read" } },
    async ({ runtime }, reply) => {
      const fault = await readStoreFault(runtime);
      const config: schemas.ProposalSupportabilityConfigResponse = {
        allow_portfolio_id_change_on_new_version: settings.allowsPortfolioChangeOnNewVersion,
        async_operations_enabled: settings.areAsyncOperationsEnabled,
        backend_init_error: fault,
        backend_ready: fault === null,
        lifecycle_enabled: settings.isLifecycleEnabled,
        require_expected_state: settings.requiresExpectedState,
        require_proposal_simulation_flag: settings.requiresSimulationFlag,
        store_backend: "POSTGRES",
        store_evidence_bundle: settings.storesEvidenceBundle,
        support_apis_enabled: settings.areSupportApisEnabled,
      };
      return reply.answer(canonicalJson(config));
    },
  );
  return Promise.resolve();
};

function send(reply: FastifyReply, read: FoundText): FastifyReply {
  return read.found ? reply.answer(read.body) : reply.problem(read.refusal);
}
