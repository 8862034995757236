import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { readEventually } from "../../platform/database/read-eventually.ts";
import { cursorOf, TimePosition } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  flagFilter,
  limitFilter,
  nameFilter,
  oneOfFilter,
  pathParams,
  timestampFilter,
} from "../../platform/http/filters.ts";
import { route, type Route } from "../../platform/http/route.ts";
import {
  ProposalDetailResponse,
  ProposalListResponse,
  ProposalState,
  ProposalVersionDetail,
} from "./schemas.ts";
import { listProposals } from "./queries.ts";
import { readProposal, readVersion } from "./read.ts";
import { NOT_FOUND, readReply, TAG, VERSION_NOT_FOUND, type ProposalRouteDeps } from "./route-parts.ts";

const MOST_ITEMS = 100;
const USUAL_ITEMS = 20;
const proposalCursor = cursorOf("proposals", TimePosition);

export function readRoutes(deps: ProposalRouteDeps): Route[] {
  return [listRoute(deps), proposalRoute(deps), versionRoute(deps)];
}

function listRoute({ proposals }: ProposalRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/proposals",
    operationId: "listProposals",
    tag: TAG,
    summary: "Proposals, newest first",
    query: filters({
      portfolio_id: nameFilter,
      state: oneOfFilter(ProposalState),
      created_by: nameFilter,
      created_from: timestampFilter,
      created_to: timestampFilter,
      limit: limitFilter(MOST_ITEMS, USUAL_ITEMS),
      cursor: cursorFilter(proposalCursor),
    }),
    answers: { 200: { description: "One page of proposals.", schema: ProposalListResponse } },
    handle: async ({ context: { tenantId }, query }) => {
      const wanted = {
        portfolioId: query.portfolio_id,
        state: query.state,
        createdBy: query.created_by,
        createdFrom: query.created_from,
        createdTo: query.created_to,
      };
      const found = await readEventually(proposals.reads, { tenantId }, (tx) =>
        // One more tells whether there is another page.
        listProposals(tx, tenantId, wanted, query.cursor, query.limit + 1),
      );
      const items = found.slice(0, query.limit);
      const last = found.length > items.length ? items.at(-1) : undefined;
      const next =
        last && proposalCursor.encode(tenantId, { createdAt: last.created_at, id: last.proposal_id });
      return { status: 200, body: canonicalJson({ items, next_cursor: next ?? null }) };
    },
  });
}

function proposalRoute({ proposals }: ProposalRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/proposals/{proposal_id}",
    operationId: "getProposal",
    tag: TAG,
    summary: "A proposal with its current version, now or as of a moment",
    description: "As of a moment, state and version come from the events up to it alone.",
    params: pathParams("proposal_id"),
    query: filters({ include_evidence: flagFilter(true), as_of: timestampFilter }),
    answers: { 200: { description: "The proposal.", schema: ProposalDetailResponse } },
    problems: [NOT_FOUND],
    handle: async ({ context, params, query }) => {
      const options = { includesEvidence: query.include_evidence, asOf: query.as_of };
      return readReply(context, await readProposal(proposals, context.tenantId, params.proposal_id, options));
    },
  });
}

function versionRoute({ proposals }: ProposalRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/proposals/{proposal_id}/versions/{version_no}",
    operationId: "getProposalVersion",
    tag: TAG,
    summary: "A version as it was created",
    params: pathParams("proposal_id", "version_no"),
    query: filters({ include_evidence: flagFilter(true) }),
    answers: { 200: { description: "The version.", schema: ProposalVersionDetail } },
    problems: [NOT_FOUND, VERSION_NOT_FOUND],
    handle: async ({ context, params, query }) => {
      const { proposal_id, version_no } = params;
      const number = versionNumber(version_no);
      return readReply(
        context,
        await readVersion(proposals, context.tenantId, proposal_id, number, query.include_evidence),
      );
    },
  });
}

/** No version has the number 0: so a name that is none is a version that is not there. */
function versionNumber(name: string): number {
  return /^[1-9]\d{0,8}$/.test(name) ? Number(name) : 0;
}
