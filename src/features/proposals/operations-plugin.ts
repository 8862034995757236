import type { FastifyReply } from "fastify";
import type { Tx } from "../../platform/database/transaction.ts";
import type { RequestContext } from "../../platform/http/context.ts";
import { writeProblems } from "../../platform/http/idempotent-reply.ts";
import { problemText } from "../../platform/http/problem.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import {
  ANSWER_IN_RECORD,
  type Answer,
  type IdempotencyScope,
} from "../../platform/idempotency/repository.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinLarge } from "../../platform/json/join-json.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { Runtime } from "../../runtime.ts";
import {
  acceptOperation,
  type AcceptDeps,
  type ExecutionMode,
  type Submission,
} from "../operations/accept-operation.ts";
import { changeOperation, changeProblems, operationChanges } from "../operations/change-operation.ts";
import { acceptedFields, statusFields } from "../operations/core.ts";
import type { Operations } from "../operations/operations.ts";
import { readOperation } from "../operations/read-operation.ts";
import type {
  AcceptedOperation,
  OperationKey,
  StoredOperation,
} from "../operations/repository/operations.ts";
import { ProposalOperationType } from "../operations/schemas.ts";
import type { DraftDocument } from "./bodies.ts";
import { isSimulationDisabled, PROPOSAL_NOT_FOUND, PROPOSAL_SIMULATION_DISABLED } from "./core.ts";
import { CREATE_EXAMPLE, VERSION_EXAMPLE } from "./examples.ts";
import * as schemas from "./operations-schemas.ts";
import { proposalExists } from "./repository/proposals.ts";

type Options = Pick<Runtime, "config"> & { readonly operations: Operations };

const CHANGES = operationChanges(
  { scope: "proposals.operations", code: "PROPOSAL" },
  ProposalOperationType.options,
);
const NOT_FOUND = { status: 404, detail: "PROPOSAL_ASYNC_OPERATION_NOT_FOUND" } as const;

const CREATE_ASYNC: IdempotencyScope = {
  name: "proposals.create.async",
  inconsistent: "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_IN_RECORD,
};
const VERSIONS_ASYNC: IdempotencyScope = { ...CREATE_ASYNC, name: "proposals.versions.async" };

/** Asynchronous creation of proposals and versions, and its operations. */
export const proposalOperations: FeaturePlugin<Options> = async (app, options) => {
  const { areAsyncOperationsEnabled } = options.config.proposals;
  switchGroup(app, areAsyncOperationsEnabled, "PROPOSAL_ASYNC_OPERATIONS_DISABLED");
  await app.register(acceptance, options);
  await app.register(status);
  await app.register(changes);
};

const acceptance: FeaturePlugin<Options> = (app, { config, operations: execution }) => {
  const rules = config.proposals;
  const mode = modeOfProposals(config.rebalance.operations.executionMode);

  app.post(
    "/rebalance/proposals/async",
    {
      schema: schemas.createProposalAsync,
      links: { 202: schemas.OPERATION_LINKS },
      config: {
        scope: "proposals:write",
        idempotencyKey: "required",
        bodyExample: CREATE_EXAMPLE,
        problems: [...writeProblems(CREATE_ASYNC), PROPOSAL_SIMULATION_DISABLED],
      },
    },
    async ({ runtime, context, body }, reply) => {
      if (isSimulationDisabled(rules, body)) return reply.problem(PROPOSAL_SIMULATION_DISABLED);
      return submit(reply, { ...runtime, mode, execution }, context, body, {
        operation_type: "CREATE_PROPOSAL",
        scope: CREATE_ASYNC,
        recordScope: CREATE_ASYNC.name,
        proposal_id: null,
      });
    },
  );

  app.post(
    "/rebalance/proposals/:proposal_id/versions/async",
    {
      schema: schemas.createProposalVersionAsync,
      links: { 202: schemas.OPERATION_LINKS },
      config: {
        scope: "proposals:write",
        idempotencyKey: "relaxable",
        bodyExample: VERSION_EXAMPLE,
        problems: [...writeProblems(VERSIONS_ASYNC), PROPOSAL_NOT_FOUND, PROPOSAL_SIMULATION_DISABLED],
      },
    },
    async ({ runtime, context, params: { proposal_id }, body }, reply) => {
      if (isSimulationDisabled(rules, body)) return reply.problem(PROPOSAL_SIMULATION_DISABLED);
      return submit(reply, { ...runtime, mode, execution }, context, body, {
        operation_type: "CREATE_PROPOSAL_VERSION",
        scope: VERSIONS_ASYNC,
        recordScope: `${VERSIONS_ASYNC.name} ${proposal_id}`,
        proposal_id,
        refuse: (tx) => refuseMissing(tx, context, proposal_id),
      });
    },
  );

  return Promise.resolve();
};

/** No request executes an operation of a proposal: left to one, it would wait for ever. */
function modeOfProposals(mode: ExecutionMode): ExecutionMode {
  return mode === "ACCEPT_ONLY" ? "WORKER" : mode;
}

async function submit(
  reply: FastifyReply,
  deps: AcceptDeps,
  context: RequestContext,
  body: DraftDocument,
  kind: Pick<Submission, "operation_type" | "scope" | "recordScope" | "proposal_id" | "refuse">,
): Promise<FastifyReply> {
  const outcome = await acceptOperation(deps, context, {
    ...kind,
    request_text: body.text,
    request_hash: body.hash,
    created_by: body.created_by,
    policy_pack_id: null,
    acceptedText,
  });
  return reply.written(kind.scope, outcome);
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

/** Every acceptance says PENDING, whatever has become of the operation by the time it is sent: a replay repeats it. */
function acceptedText(operation: AcceptedOperation): string {
  const status_url = `/rebalance/proposals/operations/${operation.operation_id}`;
  return canonicalJson({ ...acceptedFields(operation), status_url });
}

const status: FeaturePlugin<object> = (app) => {
  const config = { scope: "proposals:read", problems: [NOT_FOUND] } as const;

  app.get(
    "/rebalance/proposals/operations/:operation_id",
    { schema: schemas.getProposalOperation, config },
    async ({ runtime, context, params }, reply) =>
      sendStatus(reply, runtime, context, { by: "operation_id", value: params.operation_id }),
  );

  app.get(
    "/rebalance/proposals/operations/by-correlation/:correlation_id",
    { schema: schemas.getProposalOperationByCorrelation, config },
    async ({ runtime, context, params }, reply) =>
      sendStatus(reply, runtime, context, { by: "correlation_id", value: params.correlation_id }),
  );

  return Promise.resolve();
};

const changes: FeaturePlugin<object> = (app) => {
  app.post(
    "/rebalance/proposals/operations/:operation_id/retry",
    {
      schema: schemas.retryProposalOperation,
      config: { scope: "operations:manage", problems: changeProblems(CHANGES.retry) },
    },
    async ({ runtime, context, params: { operation_id: operationId } }, reply) => {
      const change = CHANGES.retry;
      const outcome = await changeOperation(runtime, context, { change, operationId, statusText });
      return reply.written(change.scope, outcome);
    },
  );

  app.post(
    "/rebalance/proposals/operations/:operation_id/cancel",
    {
      schema: schemas.cancelProposalOperation,
      config: { scope: "operations:manage", problems: changeProblems(CHANGES.cancel) },
    },
    async ({ runtime, context, params: { operation_id: operationId } }, reply) => {
      const change = CHANGES.cancel;
      const outcome = await changeOperation(runtime, context, { change, operationId, statusText });
      return reply.written(change.scope, outcome);
    },
  );

  return Promise.resolve();
};

async function sendStatus(
  reply: FastifyReply,
  runtime: Runtime,
  { tenantId }: RequestContext,
  key: OperationKey,
): Promise<FastifyReply> {
  const operation = await readOperation(runtime, tenantId, key, ProposalOperationType.options);
  return operation === undefined ? reply.problem(NOT_FOUND) : reply.answer(statusText(operation));
}

function statusText(operation: StoredOperation): Text {
  return joinLarge({
    ...statusFields(operation),
    idempotency_key: canonicalJson(operation.idempotency_key),
    proposal_id: canonicalJson(operation.proposal_id),
    created_by: canonicalJson(operation.created_by),
  });
}
