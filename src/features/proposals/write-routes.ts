import { keyed } from "../../platform/http/context.ts";
import { pathParams } from "../../platform/http/filters.ts";
import { route, type Route } from "../../platform/http/route.ts";
import { approve, transition } from "./record-event.ts";
import {
  ProposalApprovalRequest,
  ProposalCreateRequest,
  ProposalCreateResponse,
  ProposalStateTransitionRequest,
  ProposalStateTransitionResponse,
  ProposalVersionRequest,
} from "./schemas.ts";
import { createVersion } from "./create-version.ts";
import { CREATE_SCOPE, createProposal } from "./create-proposal.ts";
import { APPROVAL_EXAMPLE, CREATE_EXAMPLE, TRANSITION_EXAMPLE, VERSION_EXAMPLE } from "./examples.ts";
import {
  namesOf,
  NOT_FOUND,
  problemsOf,
  SIMULATION_DISABLED,
  TAG,
  VERSION_NOT_FOUND,
  writeReply,
  type ProposalRouteDeps,
} from "./route-parts.ts";

const STATE_CONFLICTS = [
  { status: 409, detail: "STATE_CONFLICT: expected_state is required" },
  { status: 409, detail: "STATE_CONFLICT: expected_state mismatch" },
  { status: 409, detail: "STATE_CONFLICT: version superseded" },
];
const SEGREGATION = { status: 403, detail: "SEGREGATION_OF_DUTIES" };
const ORDER =
  "Of several reasons to refuse, the first of these is answered: no such proposal, the state is not the expected one, not legal in this state, no such version, a newer version exists, the maker approves. A refusal that depended on the state (409, 422) is kept with its key.";

/** What changes a proposal. Each is one transaction with its event. */
export function writeRoutes(deps: ProposalRouteDeps): Route[] {
  return [createRoute(deps), versionRoute(deps), transitionRoute(deps), approvalRoute(deps)];
}

function createRoute({ proposals, witness }: ProposalRouteDeps): Route {
  const names = namesOf(CREATE_SCOPE);
  return route({
    method: "POST",
    path: "/rebalance/proposals",
    operationId: "createProposal",
    tag: TAG,
    summary: "Create a proposal with its first version",
    idempotencyKey: "required",
    body: ProposalCreateRequest,
    bodyExample: CREATE_EXAMPLE,
    answers: { 200: { description: "The proposal in DRAFT.", schema: ProposalCreateResponse } },
    problems: problemsOf(names, [SIMULATION_DISABLED]),
    handle: async ({ context, body }) =>
      writeReply(context, await createProposal(proposals, keyed(context), body), names, witness),
  });
}

function versionRoute({ proposals, witness }: ProposalRouteDeps): Route {
  const names = namesOf("proposals.versions");
  return route({
    method: "POST",
    path: "/rebalance/proposals/{proposal_id}/versions",
    operationId: "createProposalVersion",
    tag: TAG,
    summary: "Add a version to a proposal; its state stays",
    idempotencyKey: "relaxable",
    params: pathParams("proposal_id"),
    body: ProposalVersionRequest,
    bodyExample: VERSION_EXAMPLE,
    answers: { 200: { description: "The new version.", schema: ProposalCreateResponse } },
    problems: problemsOf(names, [
      NOT_FOUND,
      SIMULATION_DISABLED,
      { status: 422, detail: "PROPOSAL_TERMINAL_STATE: cannot create version" },
      { status: 422, detail: "PORTFOLIO_CONTEXT_MISMATCH" },
    ]),
    handle: async ({ context, params, body }) => {
      const outcome = await createVersion(proposals, context, params.proposal_id, body);
      return writeReply(context, outcome, names, witness);
    },
  });
}

function transitionRoute({ proposals, witness }: ProposalRouteDeps): Route {
  const names = namesOf("proposals.transitions");
  return route({
    method: "POST",
    path: "/rebalance/proposals/{proposal_id}/transitions",
    operationId: "transitionProposal",
    tag: TAG,
    summary: "Record an event of the lifecycle",
    description: ORDER,
    idempotencyKey: "relaxable",
    params: pathParams("proposal_id"),
    body: ProposalStateTransitionRequest,
    bodyExample: TRANSITION_EXAMPLE,
    answers: {
      200: { description: "The event, and where it led.", schema: ProposalStateTransitionResponse },
    },
    problems: problemsOf(names, [
      NOT_FOUND,
      VERSION_NOT_FOUND,
      SEGREGATION,
      ...STATE_CONFLICTS,
      { status: 422, detail: "INVALID_TRANSITION" },
    ]),
    handle: async ({ context, params, body }) => {
      const outcome = await transition(proposals, context, params.proposal_id, body);
      return writeReply(context, outcome, names, witness);
    },
  });
}

function approvalRoute({ proposals, witness }: ProposalRouteDeps): Route {
  const names = namesOf("proposals.approvals");
  return route({
    method: "POST",
    path: "/rebalance/proposals/{proposal_id}/approvals",
    operationId: "decideProposalApproval",
    tag: TAG,
    summary: "Give or deny an approval, with its event",
    description: `${ORDER} The maker of a version cannot give its RISK or COMPLIANCE approval.`,
    idempotencyKey: "relaxable",
    params: pathParams("proposal_id"),
    body: ProposalApprovalRequest,
    bodyExample: APPROVAL_EXAMPLE,
    answers: { 200: { description: "The approval and its event.", schema: ProposalStateTransitionResponse } },
    problems: problemsOf(names, [
      NOT_FOUND,
      VERSION_NOT_FOUND,
      SEGREGATION,
      ...STATE_CONFLICTS,
      { status: 422, detail: "INVALID_APPROVAL_STATE" },
    ]),
    handle: async ({ context, params, body }) => {
      const outcome = await approve(proposals, context, params.proposal_id, body);
      return writeReply(context, outcome, names, witness);
    },
  });
}
