import { BatchRebalanceRequest } from "../../contract/rebalance.ts";
import type { Database } from "../../platform/database/database.ts";
import { readEventually, type EventualReads } from "../../platform/database/read-eventually.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import type { RequestContext } from "../../platform/http/context.ts";
import { cursorOf, TimePosition } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  limitFilter,
  nameFilter,
  oneOfFilter,
  pathParams,
  timestampFilter,
} from "../../platform/http/filters.ts";
import { onceProblems, onceReply, type OnceNames, type OnceWitness } from "../../platform/http/once-reply.ts";
import { problemReply, type Reply } from "../../platform/http/problem.ts";
import { behindSwitch, route, type Route } from "../../platform/http/route.ts";
import { selectPolicyPack, type PolicySettings } from "../policies/selection.ts";
import { readBatch } from "../rebalance/analyze.ts";
import type { OptionsReader } from "../rebalance/core.ts";
import { ANALYZE_EXAMPLE } from "../rebalance/examples.ts";
import { accept, type AcceptDeps } from "./accept.ts";
import {
  DpmAsyncAcceptedResponse,
  DpmAsyncOperationListResponse,
  DpmAsyncOperationStatusResponse,
  DpmOperationType,
  OperationStatus,
} from "./schemas.ts";
import { dpmAcceptedText, dpmStatusText, listText } from "./documents.ts";
import { executeNow } from "./execute.ts";
import { findOperation, listOperations, type OperationKey } from "./reads.ts";

export type OperationRouteDeps = {
  readonly accept: AcceptDeps;
  readonly database: Database;
  /** For lists, which may lag behind. */
  readonly reads: EventualReads;
  readonly readOptions: OptionsReader;
  readonly policies: PolicySettings;
  /** Now; what was finished earlier is past its keep. */
  readonly keptSince: () => string;
  readonly switches: { readonly areEnabled: boolean; readonly isManualExecutionEnabled: boolean };
  readonly witness: OnceWitness;
};

const TAG = "Operations";
const TYPE = "ANALYZE_SCENARIOS";
const NOT_FOUND = { status: 404, detail: "DPM_ASYNC_OPERATION_NOT_FOUND" };
const NOT_EXECUTABLE = { status: 409, detail: "DPM_ASYNC_OPERATION_NOT_EXECUTABLE" };
const ATTEMPT_FAILED = { status: 503, detail: "DPM_ASYNC_ATTEMPT_FAILED", retryAfterSeconds: 1 };
const ACCEPT: OnceNames = {
  scope: "rebalance.analyze.async",
  inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
};
const MOST_ITEMS = 200;
const USUAL_ITEMS = 50;

/** Asynchronous analysis and its operations. */
export function operationRoutes(deps: OperationRouteDeps): Route[] {
  const { areEnabled, isManualExecutionEnabled } = deps.switches;
  return behindSwitch(areEnabled, "DPM_ASYNC_OPERATIONS_DISABLED", [
    acceptRoute(deps),
    listRoute(deps),
    statusRoute(deps, "operation_id"),
    statusRoute(deps, "correlation_id"),
    ...behindSwitch(isManualExecutionEnabled, "DPM_ASYNC_MANUAL_EXECUTION_DISABLED", [executeRoute(deps)]),
  ]);
}

function acceptRoute(deps: OperationRouteDeps): Route {
  return route({
    method: "POST",
    path: "/rebalance/analyze/async",
    operationId: "analyzeScenariosAsync",
    tag: TAG,
    summary: "Accept a what-if batch, to be done exactly once whatever crashes",
    description:
      "The answer leaves once the operation is stored. It says PENDING, as does every repetition of it; `status_url` says how far it is.",
    idempotencyKey: "relaxable",
    headers: [
      { name: "X-Policy-Pack-Id", description: "The policy pack that shapes the runs." },
      {
        name: "X-Tenant-Policy-Pack-Id",
        description: "The tenant's default pack, where the request names none.",
      },
    ],
    body: BatchRebalanceRequest,
    bodyExample: ANALYZE_EXAMPLE,
    answers: { 202: { description: "The operation that was accepted.", schema: DpmAsyncAcceptedResponse } },
    problems: onceProblems(ACCEPT),
    handle: async ({ context, body }) => {
      const outcome = await accept(deps.accept, context, {
        operationType: TYPE,
        scope: ACCEPT.scope,
        requestText: readBatch(body, deps.readOptions).requestText,
        proposalId: null,
        createdBy: null,
        policyPackId: selectedPack(deps, context),
        acceptedText: dpmAcceptedText,
        refuse: () => Promise.resolve(undefined),
      });
      return onceReply(context, outcome, ACCEPT, deps.witness);
    },
  });
}

function selectedPack({ policies }: OperationRouteDeps, context: RequestContext): string | null {
  const { tenantId, policyPackId: requested, tenantPolicyPackId: tenantDefault } = context;
  return selectPolicyPack(policies, { tenantId, requested, tenantDefault }).selected_policy_pack_id;
}

/** Its answer decides what the caller does next, so it comes from the primary. */
async function statusReply(
  deps: OperationRouteDeps,
  context: RequestContext,
  key: OperationKey,
): Promise<Reply> {
  const { tenantId } = context;
  const operation = await inTransaction(deps.database, { tenantId, readOnly: true }, (tx) =>
    findOperation(tx, tenantId, key, [TYPE], deps.keptSince()),
  );
  if (operation === undefined) return problemReply(context, NOT_FOUND);
  return { status: 200, body: dpmStatusText(operation, deps.switches.isManualExecutionEnabled) };
}

function statusRoute(deps: OperationRouteDeps, by: OperationKey["by"]): Route {
  const isById = by === "operation_id";
  return route({
    method: "GET",
    path: isById
      ? "/rebalance/operations/{operation_id}"
      : "/rebalance/operations/by-correlation/{correlation_id}",
    operationId: isById ? "getOperation" : "getOperationByCorrelation",
    tag: TAG,
    summary: isById ? "How far an operation is" : "How far the latest operation of a correlation id is",
    params: pathParams(by),
    answers: {
      200: {
        description: "The operation, with its result or error.",
        schema: DpmAsyncOperationStatusResponse,
      },
    },
    problems: [NOT_FOUND],
    handle: ({ context, params }) => statusReply(deps, context, { by, value: params[by] }),
  });
}

const operationCursor = cursorOf("operations", TimePosition);

function listRoute(deps: OperationRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/operations",
    operationId: "listOperations",
    tag: TAG,
    summary: "Operations, newest first",
    query: filters({
      from: timestampFilter,
      to: timestampFilter,
      operation_type: oneOfFilter(DpmOperationType),
      status: oneOfFilter(OperationStatus),
      correlation_id: nameFilter,
      limit: limitFilter(MOST_ITEMS, USUAL_ITEMS),
      cursor: cursorFilter(operationCursor),
    }),
    answers: { 200: { description: "One page of operations.", schema: DpmAsyncOperationListResponse } },
    handle: async ({ context, query }) => {
      const { tenantId } = context;
      const { from, to, status, correlation_id: correlationId, operation_type = TYPE } = query;
      const wanted = {
        operationType: operation_type,
        from,
        to,
        status,
        correlationId,
        keptSince: deps.keptSince(),
      };
      const found = await readEventually(
        deps.reads,
        { tenantId },
        (tx) => listOperations(tx, tenantId, wanted, query.cursor, query.limit + 1), // one more: is there another page?
      );
      const items = found.slice(0, query.limit);
      const last = found.length > items.length ? items.at(-1) : undefined;
      const next =
        last && operationCursor.encode(tenantId, { createdAt: last.created_at, id: last.operation_id });
      return { status: 200, body: listText(items, next ?? null, deps.switches.isManualExecutionEnabled) };
    },
  });
}

function executeRoute(deps: OperationRouteDeps): Route {
  return route({
    method: "POST",
    path: "/rebalance/operations/{operation_id}/execute",
    operationId: "executeOperation",
    tag: TAG,
    summary: "Do a pending operation now, and answer with its final state",
    description:
      "Of several who try at once, workers among them, one does it. Where the attempt failed for a reason that may pass, the operation stays PENDING, is tried again by itself, and the answer is 503.",
    params: pathParams("operation_id"),
    answers: {
      200: { description: "The operation, finished.", schema: DpmAsyncOperationStatusResponse },
    },
    problems: [NOT_FOUND, NOT_EXECUTABLE, ATTEMPT_FAILED],
    handle: async ({ context, params: { operation_id: operationId } }) => {
      const operation = { operationId, operationType: TYPE } as const;
      const end = await executeNow(deps.accept.execution, context.tenantId, operation);
      if (end === "put_back" || end === "unsettled") return problemReply(context, ATTEMPT_FAILED);
      const reply = await statusReply(deps, context, { by: "operation_id", value: operationId });
      return end === undefined && reply.status === 200 ? problemReply(context, NOT_EXECUTABLE) : reply;
    },
  });
}
