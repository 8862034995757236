import * as z from "zod";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { readEventually, type EventualReads } from "../../platform/database/read-eventually.ts";
import type { RequestContext } from "../../platform/http/context.ts";
import { cursorOf, PositionId, PositionTime, type CursorCodec } from "../../platform/http/cursor.ts";
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
import { problemText, type Reply } from "../../platform/http/problem.ts";
import { behindSwitch, route, type Route } from "../../platform/http/route.ts";
import {
  DpmRunWorkflowActionRequest,
  DpmRunWorkflowHistoryResponse,
  DpmRunWorkflowResponse,
  DpmWorkflowDecisionListResponse,
  WorkflowAction,
} from "../runs/schemas.ts";
import { addressed, addressProblems, missingReply, type RunAddress } from "../runs/run-address.ts";
import type { Seen } from "../runs/lookup.ts";
import { decisionView, type Decision } from "./core.ts";
import { listDecisions, listDecisionsByCorrelation, type DecisionPosition } from "./repository.ts";
import { actOnRun, readReview, readReviewHistory, type ReviewDeps } from "./act-on-run.ts";

export type ReviewRouteDeps = {
  readonly review: ReviewDeps;
  /** For lists, which may lag behind. */
  readonly reads: EventualReads;
  readonly witness: OnceWitness;
  readonly isEnabled: boolean;
};

const TAG = "Run review";
const ACTION: OnceNames = {
  scope: "rebalance.workflow",
  inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
};
const REFUSALS = [
  { status: 409, detail: "DPM_WORKFLOW_NOT_REQUIRED_FOR_RUN_STATUS" },
  { status: 409, detail: "DPM_WORKFLOW_INVALID_TRANSITION" },
];
const ACTION_EXAMPLE = {
  action: "APPROVE",
  reason_code: "LIMITS_CHECKED",
  comment: "Within the mandate's limits.",
  actor_id: "officer_17",
};

/** The three ways to name a run, each with a review. */
const ADDRESSES = addressed("/rebalance/runs", ["id", "correlation_id", "idempotency_key"]);

export function reviewRoutes(deps: ReviewRouteDeps): Route[] {
  return behindSwitch(deps.isEnabled, "DPM_WORKFLOW_DISABLED", [
    ...ADDRESSES.flatMap((address) => [
      reviewRoute(deps, address),
      historyRoute(deps, address),
      actionRoute(deps, address),
    ]),
    listRoute(deps),
    correlationRoute(deps),
  ]);
}

function reviewRoute(deps: ReviewRouteDeps, address: RunAddress): Route {
  return route({
    method: "GET",
    path: `${address.path}/workflow`,
    operationId: `getRunReview${address.suffix}`,
    tag: TAG,
    summary: `Where the review of ${address.words} stands`,
    params: address.params,
    answers: { 200: { description: "The state of the review.", schema: DpmRunWorkflowResponse } },
    problems: addressProblems(address),
    handle: async ({ context, params }) =>
      seenReply(context, await readReview(deps.review, context.tenantId, address.key(params))),
  });
}

function historyRoute(deps: ReviewRouteDeps, address: RunAddress): Route {
  return route({
    method: "GET",
    path: `${address.path}/workflow/history`,
    operationId: `getRunReviewHistory${address.suffix}`,
    tag: TAG,
    summary: `Every decision about ${address.words}, in the order in which they were taken`,
    params: address.params,
    answers: { 200: { description: "The decisions.", schema: DpmRunWorkflowHistoryResponse } },
    problems: addressProblems(address),
    handle: async ({ context, params }) =>
      seenReply(context, await readReviewHistory(deps.review, context.tenantId, address.key(params))),
  });
}

function seenReply<T>(context: RequestContext, seen: Seen<T>): Reply {
  return seen.kind === "found"
    ? { status: 200, body: canonicalJson(seen.value) }
    : missingReply(context, seen.kind);
}

function actionRoute(deps: ReviewRouteDeps, address: RunAddress): Route {
  return route({
    method: "POST",
    path: `${address.path}/workflow/actions`,
    operationId: `actOnRunReview${address.suffix}`,
    tag: TAG,
    summary: `Approve, reject or send back ${address.words}`,
    description:
      "Actions on one run take effect one after the other. A refusal (409) is stored with its key and replayed.",
    idempotencyKey: "relaxable",
    params: address.params,
    body: DpmRunWorkflowActionRequest,
    bodyExample: ACTION_EXAMPLE,
    answers: { 200: { description: "The review after the action.", schema: DpmRunWorkflowResponse } },
    problems: [...addressProblems(address), ...REFUSALS, ...onceProblems(ACTION)],
    handle: async ({ context, params, body }) => {
      const { tenantId, correlationId, idempotencyKey } = context;
      const refusalBody = (status: number, detail: string) => problemText(context, { status, detail });
      const caller = { tenantId, correlationId, idempotencyKey, refusalBody };
      const outcome = await actOnRun(deps.review, caller, address.key(params), body);
      return outcome.kind === "run_not_found" || outcome.kind === "key_not_found"
        ? missingReply(context, outcome.kind)
        : onceReply(context, outcome, ACTION, deps.witness);
    },
  });
}

const decisionPosition = z.strictObject({
  decided_at: PositionTime,
  decision_no: z.int32().positive(),
  decision_id: PositionId,
});
const decisionCursor = cursorOf<DecisionPosition>("decisions", decisionPosition);
const correlationCursor = cursorOf<DecisionPosition>("decisions by correlation", decisionPosition);

function listRoute(deps: ReviewRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/workflow/decisions",
    operationId: "listReviewDecisions",
    tag: TAG,
    summary: "Decisions across runs, newest first",
    query: filters({
      rebalance_run_id: nameFilter,
      action: oneOfFilter(WorkflowAction),
      actor_id: nameFilter,
      reason_code: nameFilter,
      from: timestampFilter,
      to: timestampFilter,
      limit: limitFilter(200, 50),
      cursor: cursorFilter(decisionCursor),
    }),
    answers: { 200: { description: "One page of decisions.", schema: DpmWorkflowDecisionListResponse } },
    handle: async ({ context: { tenantId }, query }) => {
      const wanted = {
        rebalanceRunId: query.rebalance_run_id,
        action: query.action,
        actorId: query.actor_id,
        reasonCode: query.reason_code,
        from: query.from,
        to: query.to,
      };
      const found = await readEventually(deps.reads, { tenantId }, (tx) =>
        listDecisions(tx, tenantId, wanted, query.cursor, query.limit + 1),
      );
      return page(tenantId, decisionCursor, found, query.limit);
    },
  });
}

function correlationRoute(deps: ReviewRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/workflow/decisions/by-correlation/{correlation_id}",
    operationId: "listReviewDecisionsByCorrelation",
    tag: TAG,
    summary: "Decisions by requests of a correlation id, or about runs of it, newest first",
    params: pathParams("correlation_id"),
    query: filters({ limit: limitFilter(200, 50), cursor: cursorFilter(correlationCursor) }),
    answers: { 200: { description: "One page of decisions.", schema: DpmWorkflowDecisionListResponse } },
    handle: async ({ context: { tenantId }, params, query }) => {
      const found = await readEventually(deps.reads, { tenantId }, (tx) =>
        listDecisionsByCorrelation(tx, tenantId, params.correlation_id, query.cursor, query.limit + 1),
      );
      return page(tenantId, correlationCursor, found, query.limit);
    },
  });
}

/** `found` holds one decision more than fits where there is another page. */
function page(
  tenantId: string,
  cursor: CursorCodec<DecisionPosition>,
  found: readonly Decision[],
  limit: number,
): Reply {
  const shown = found.slice(0, limit);
  const last = found.length > limit ? shown.at(-1) : undefined;
  const next = last && cursor.encode(tenantId, positionOf(last));
  return { status: 200, body: canonicalJson({ items: shown.map(decisionView), next_cursor: next ?? null }) };
}

function positionOf({ decided_at, decision_no, decision_id }: DecisionPosition): DecisionPosition {
  return { decided_at, decision_no, decision_id };
}
