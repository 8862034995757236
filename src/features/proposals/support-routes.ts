import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { databaseFault } from "../../platform/database/errors.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { filters, pathParams, timestampFilter } from "../../platform/http/filters.ts";
import { problemReply } from "../../platform/http/problem.ts";
import { route, type Route } from "../../platform/http/route.ts";
import {
  ProposalApprovalsResponse,
  ProposalIdempotencyLookupResponse,
  ProposalLineageResponse,
  ProposalSupportabilityConfigResponse,
  ProposalVerificationResponse,
  ProposalWorkflowTimelineResponse,
} from "./schemas.ts";
import { CREATE_SCOPE } from "./create-proposal.ts";
import { findKeyMapping } from "./keys.ts";
import { pingStore } from "./queries.ts";
import { readApprovals, readLineage, readTimeline } from "./read.ts";
import { NOT_FOUND, readReply, TAG, type ProposalRouteDeps } from "./route-parts.ts";
import { verifyProposal } from "./verify.ts";

const KEY_NOT_FOUND = { status: 404, detail: "PROPOSAL_IDEMPOTENCY_KEY_NOT_FOUND" };
const INCONSISTENT = {
  status: 503,
  detail: "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT",
  retryAfterSeconds: 1,
};
const PING_MS = 2_000;

/** What support and audit ask. */
export function supportRoutes(deps: ProposalRouteDeps): Route[] {
  return [timelineRoute(deps), approvalsRoute(deps), lineageRoute(deps), verifyRoute(deps), keyRoute(deps)];
}

function timelineRoute({ proposals }: ProposalRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/proposals/{proposal_id}/workflow-events",
    operationId: "listProposalEvents",
    tag: TAG,
    summary: "Everything that happened to a proposal, oldest first, now or as of a moment",
    params: pathParams("proposal_id"),
    query: filters({ as_of: timestampFilter }),
    answers: { 200: { description: "The timeline.", schema: ProposalWorkflowTimelineResponse } },
    problems: [NOT_FOUND],
    handle: async ({ context, params, query }) =>
      readReply(context, await readTimeline(proposals, context.tenantId, params.proposal_id, query.as_of)),
  });
}

function approvalsRoute({ proposals }: ProposalRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/proposals/{proposal_id}/approvals",
    operationId: "listProposalApprovals",
    tag: TAG,
    summary: "The approvals of a proposal, given and denied, oldest first",
    params: pathParams("proposal_id"),
    answers: { 200: { description: "The approvals.", schema: ProposalApprovalsResponse } },
    problems: [NOT_FOUND],
    handle: async ({ context, params }) =>
      readReply(context, await readApprovals(proposals, context.tenantId, params.proposal_id)),
  });
}

function lineageRoute({ proposals }: ProposalRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/proposals/{proposal_id}/lineage",
    operationId: "getProposalLineage",
    tag: TAG,
    summary: "The versions of a proposal with their hashes",
    params: pathParams("proposal_id"),
    answers: { 200: { description: "The lineage.", schema: ProposalLineageResponse } },
    problems: [NOT_FOUND],
    handle: async ({ context, params }) =>
      readReply(context, await readLineage(proposals, context.tenantId, params.proposal_id)),
  });
}

function verifyRoute({ proposals }: ProposalRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/proposals/{proposal_id}/verify",
    operationId: "verifyProposal",
    tag: TAG,
    summary: "Recompute everything that is stored of a proposal",
    description:
      "Hashes from the stored bytes, results from the stored requests, the chain of events and every transition in it. `failures` names what was altered, is missing or was swapped, events first, in the order of the history.",
    params: pathParams("proposal_id"),
    answers: {
      200: { description: "What was checked and what fails.", schema: ProposalVerificationResponse },
    },
    problems: [NOT_FOUND],
    handle: async ({ context, params }) =>
      readReply(context, await verifyProposal(proposals, context.tenantId, params.proposal_id)),
  });
}

function keyRoute({ proposals }: ProposalRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/proposals/idempotency/{idempotency_key}",
    operationId: "getProposalByIdempotencyKey",
    tag: TAG,
    summary: "What a key made: a proposal, or the newest version that was added under it",
    params: pathParams("idempotency_key"),
    answers: { 200: { description: "The mapping.", schema: ProposalIdempotencyLookupResponse } },
    problems: [KEY_NOT_FOUND, INCONSISTENT],
    handle: async ({ context, params }) => {
      const { tenantId } = context;
      const found = await inTransaction(proposals.once.database, { tenantId, readOnly: true }, (tx) =>
        findKeyMapping(tx, tenantId, params.idempotency_key, CREATE_SCOPE),
      );
      if (found === undefined) return problemReply(context, KEY_NOT_FOUND);
      const { is_whole, ...mapping } = found;
      return is_whole ? { status: 200, body: canonicalJson(mapping) } : problemReply(context, INCONSISTENT);
    },
  });
}

/** Answers whatever is switched off: it tells. */
export function configRoute({ proposals, switches }: ProposalRouteDeps): Route {
  const { rules } = proposals;
  return route({
    method: "GET",
    path: "/rebalance/proposals/supportability/config",
    operationId: "getProposalConfig",
    tag: TAG,
    summary: "The configuration in force, and whether the store is ready",
    answers: { 200: { description: "The configuration.", schema: ProposalSupportabilityConfigResponse } },
    handle: async () => {
      const fault = await storeFault(proposals);
      const config: ProposalSupportabilityConfigResponse = {
        allow_portfolio_id_change_on_new_version: rules.allowsPortfolioChangeOnNewVersion,
        async_operations_enabled: switches.areAsyncOperationsEnabled,
        backend_init_error: fault,
        backend_ready: fault === null,
        lifecycle_enabled: switches.isLifecycleEnabled,
        require_expected_state: rules.requiresExpectedState,
        require_proposal_simulation_flag: rules.requiresSimulationFlag,
        store_backend: "POSTGRES",
        store_evidence_bundle: rules.storesEvidenceBundle,
        support_apis_enabled: switches.areSupportApisEnabled,
      };
      return { status: 200, body: canonicalJson(config) };
    },
  });
}

/** What keeps the store from answering, by its code; null when it answers. */
async function storeFault({ once }: ProposalRouteDeps["proposals"]): Promise<string | null> {
  const context = { tenantId: null, readOnly: true, deadlineMs: PING_MS };
  try {
    await inTransaction(once.database, context, pingStore);
    return null;
  } catch (error) {
    const fault = databaseFault(error);
    if (fault === undefined) throw error;
    return `PROPOSAL_STORE_${fault.kind.toUpperCase()}`;
  }
}
