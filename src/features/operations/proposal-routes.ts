import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import type { RequestContext } from "../../platform/http/context.ts";
import { pathParams } from "../../platform/http/filters.ts";
import { onceProblems, onceReply, type OnceNames, type OnceWitness } from "../../platform/http/once-reply.ts";
import { problemReply, problemText, type Reply } from "../../platform/http/problem.ts";
import { behindSwitch, route, type Route } from "../../platform/http/route.ts";
import type { Answer } from "../../platform/idempotency.ts";
import { ProposalCreateRequest, ProposalVersionRequest } from "../proposals/schemas.ts";
import { PROPOSAL_NOT_FOUND, PROPOSAL_SIMULATION_DISABLED } from "../proposals/core.ts";
import { isSimulationDisabled } from "../proposals/create-proposal.ts";
import type { ProposalRules } from "../proposals/deps.ts";
import { CREATE_EXAMPLE, VERSION_EXAMPLE } from "../proposals/examples.ts";
import { proposalExists } from "../proposals/queries.ts";
import { accept, type AcceptDeps, type Submission } from "./accept.ts";
import {
  ProposalAsyncAcceptedResponse,
  ProposalAsyncOperationStatusResponse,
  type ProposalOperationType,
} from "./schemas.ts";
import { proposalAcceptedText, proposalStatusText } from "./documents.ts";
import { findOperation, type OperationKey } from "./reads.ts";

export type ProposalOperationRouteDeps = {
  readonly accept: AcceptDeps;
  readonly database: Database;
  readonly rules: ProposalRules;
  /** Now; what was finished earlier is past its keep. */
  readonly keptSince: () => string;
  readonly switches: { readonly isLifecycleEnabled: boolean; readonly areAsyncOperationsEnabled: boolean };
  readonly witness: OnceWitness;
};

const TAG = "Proposal operations";
const TYPES: readonly ProposalOperationType[] = ["CREATE_PROPOSAL", "CREATE_PROPOSAL_VERSION"];
const NOT_FOUND = { status: 404, detail: "PROPOSAL_ASYNC_OPERATION_NOT_FOUND" };
const DESCRIPTION =
  "The answer leaves once the operation is stored. It says PENDING, as does every repetition of it; `status_url` says how far it is. What the operation makes is kept under the same key as what the plain request makes.";

/** Asynchronous creation of proposals and versions, and its operations. */
export function proposalOperationRoutes(deps: ProposalOperationRouteDeps): Route[] {
  const { isLifecycleEnabled, areAsyncOperationsEnabled } = deps.switches;
  return behindSwitch(
    isLifecycleEnabled,
    "PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED",
    behindSwitch(areAsyncOperationsEnabled, "PROPOSAL_ASYNC_OPERATIONS_DISABLED", [
      createRoute(deps),
      versionRoute(deps),
      statusRoute(deps, "operation_id"),
      statusRoute(deps, "correlation_id"),
    ]),
  );
}

function namesOf(scope: string): OnceNames {
  return { scope, inconsistent: "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT" };
}

const ACCEPTED = {
  202: { description: "The operation that was accepted.", schema: ProposalAsyncAcceptedResponse },
};

function createRoute(deps: ProposalOperationRouteDeps): Route {
  const names = namesOf("proposals.create.async");
  return route({
    method: "POST",
    path: "/rebalance/proposals/async",
    operationId: "createProposalAsync",
    tag: TAG,
    summary: "Accept the creation of a proposal, to be done exactly once whatever crashes",
    description: DESCRIPTION,
    idempotencyKey: "required",
    body: ProposalCreateRequest,
    bodyExample: CREATE_EXAMPLE,
    answers: ACCEPTED,
    problems: [...onceProblems(names), PROPOSAL_SIMULATION_DISABLED],
    handle: ({ context, body }) =>
      submit(deps, context, names, body, {
        operationType: "CREATE_PROPOSAL",
        scope: names.scope,
        proposalId: null,
        refuse: () => Promise.resolve(undefined),
      }),
  });
}

function versionRoute(deps: ProposalOperationRouteDeps): Route {
  const names = namesOf("proposals.versions.async");
  return route({
    method: "POST",
    path: "/rebalance/proposals/{proposal_id}/versions/async",
    operationId: "createProposalVersionAsync",
    tag: TAG,
    summary: "Accept a new version of a proposal, to be done exactly once whatever crashes",
    description: DESCRIPTION,
    idempotencyKey: "relaxable",
    params: pathParams("proposal_id"),
    body: ProposalVersionRequest,
    bodyExample: VERSION_EXAMPLE,
    answers: ACCEPTED,
    problems: [...onceProblems(names), PROPOSAL_NOT_FOUND, PROPOSAL_SIMULATION_DISABLED],
    handle: ({ context, params: { proposal_id: proposalId }, body }) =>
      submit(deps, context, names, body, {
        operationType: "CREATE_PROPOSAL_VERSION",
        scope: `${names.scope} ${proposalId}`,
        proposalId,
        refuse: (tx) => refuseMissing(tx, context, proposalId),
      }),
  });
}

type Body = ProposalCreateRequest | ProposalVersionRequest;

async function submit(
  deps: ProposalOperationRouteDeps,
  context: RequestContext,
  names: OnceNames,
  body: Body,
  kind: Pick<Submission, "operationType" | "scope" | "proposalId" | "refuse">,
): Promise<Reply> {
  if (isSimulationDisabled(deps, body)) return problemReply(context, PROPOSAL_SIMULATION_DISABLED);
  const outcome = await accept(deps.accept, context, {
    ...kind,
    requestText: canonicalJson(body),
    createdBy: body.created_by,
    policyPackId: null,
    acceptedText: proposalAcceptedText,
  });
  return onceReply(context, outcome, names, deps.witness);
}

/** A proposal that is not there now will not be there later: its id is made by this service. */
async function refuseMissing(
  tx: Tx,
  context: RequestContext,
  proposalId: string,
): Promise<Answer | undefined> {
  if (await proposalExists(tx, context.tenantId, proposalId)) return undefined;
  return { status: 404, body: problemText(context, PROPOSAL_NOT_FOUND) };
}

function statusRoute(deps: ProposalOperationRouteDeps, by: OperationKey["by"]): Route {
  const isById = by === "operation_id";
  return route({
    method: "GET",
    path: isById
      ? "/rebalance/proposals/operations/{operation_id}"
      : "/rebalance/proposals/operations/by-correlation/{correlation_id}",
    operationId: isById ? "getProposalOperation" : "getProposalOperationByCorrelation",
    tag: TAG,
    summary: isById ? "How far an operation is" : "How far the latest operation of a correlation id is",
    params: pathParams(by),
    answers: {
      200: {
        description: "The operation, with its result or error.",
        schema: ProposalAsyncOperationStatusResponse,
      },
    },
    problems: [NOT_FOUND],
    handle: async ({ context, params }) => {
      const { tenantId } = context;
      const key = { by, value: params[by] };
      const operation = await inTransaction(deps.database, { tenantId, readOnly: true }, (tx) =>
        findOperation(tx, tenantId, key, TYPES, deps.keptSince()),
      );
      if (operation === undefined) return problemReply(context, NOT_FOUND);
      return { status: 200, body: proposalStatusText(operation) };
    },
  });
}
