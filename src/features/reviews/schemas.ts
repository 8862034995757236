import * as z from "zod";
import { pageOf } from "../../contract/page.ts";
import { actorName } from "../../contract/person.ts";
import { RunStatus } from "../../contract/rules.ts";
import { matching, text, Timestamp } from "../../contract/scalars.ts";
import { wireObject } from "../../contract/wire.ts";
import { cursorOf, PositionId, PositionTime } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  limitFilter,
  nameFilter,
  oneOfFilter,
  pathParams,
  fromFilter,
  toFilter,
} from "../../platform/http/filters.ts";
import { answer } from "../../platform/http/route-docs.ts";
import type { RunPath } from "../runs/run-paths.ts";

export const WorkflowAction = z.enum(["APPROVE", "REJECT", "REQUEST_CHANGES"]).meta({
  id: "ReviewAction",
  description: "What a reviewer can do. REQUEST_CHANGES leads back to PENDING_REVIEW.",
});
export type WorkflowAction = z.output<typeof WorkflowAction>;

export const WorkflowStatus = z
  .enum(["NOT_REQUIRED", "PENDING_REVIEW", "APPROVED", "REJECTED"])
  .meta({ id: "ReviewStatus", description: "Where the review of a run stands." });
export type WorkflowStatus = z.output<typeof WorkflowStatus>;

export const DpmRunWorkflowActionRequest = wireObject({
  action: WorkflowAction,
  reason_code: matching(/^[A-Z][A-Z0-9_]*$/),
  comment: text.nullable().default(null),
  actor_id: actorName,
}).meta({ id: "DpmRunWorkflowActionRequest", description: "What a reviewer does about a run." });
export type DpmRunWorkflowActionRequest = z.output<typeof DpmRunWorkflowActionRequest>;

export const DpmRunWorkflowDecisionResponse = z
  .strictObject({
    decision_id: z.string(),
    run_id: z.string(),
    action: WorkflowAction,
    reason_code: z.string(),
    comment: z.string().nullable(),
    actor_id: z.string(),
    authenticated_subject: z.string().nullable(),
    decided_at: Timestamp,
    correlation_id: z.string(),
  })
  .meta({
    id: "DpmRunWorkflowDecisionResponse",
    description: "A decision about a run; it is never changed.",
  });
export type DpmRunWorkflowDecisionResponse = z.output<typeof DpmRunWorkflowDecisionResponse>;

export const DpmRunWorkflowResponse = z
  .strictObject({
    run_id: z.string(),
    run_status: RunStatus,
    workflow_status: WorkflowStatus,
    requires_review: z.boolean(),
    latest_decision: DpmRunWorkflowDecisionResponse.nullable(),
  })
  .meta({ id: "DpmRunWorkflowResponse", description: "Where the review of a run stands." });
export type DpmRunWorkflowResponse = z.output<typeof DpmRunWorkflowResponse>;

export const DpmRunWorkflowHistoryResponse = z
  .strictObject({ run_id: z.string(), decisions: z.array(DpmRunWorkflowDecisionResponse) })
  .meta({ id: "DpmRunWorkflowHistoryResponse", description: "Every decision about a run, oldest first." });
export type DpmRunWorkflowHistoryResponse = z.output<typeof DpmRunWorkflowHistoryResponse>;

export const DpmWorkflowDecisionListResponse = pageOf(DpmRunWorkflowDecisionResponse).meta({
  id: "DpmWorkflowDecisionListResponse",
  description: "One page of decisions, newest first.",
});
export type DpmWorkflowDecisionListResponse = z.output<typeof DpmWorkflowDecisionListResponse>;

/** A place in a list of decisions. Two of one run may share a millisecond: the number keeps their order. */
const DecisionPosition = z.strictObject({
  decided_at: PositionTime,
  decision_no: z.int32().positive(),
  decision_id: PositionId,
});
export type DecisionPosition = z.output<typeof DecisionPosition>;

export const decisionCursor = cursorOf("decisions", DecisionPosition);

const tags = ["Run review"];

export function getRunReview({ by, suffix, words }: RunPath) {
  return {
    operationId: `getRunReview${suffix}`,
    tags,
    summary: `Where the review of ${words} stands`,
    description: "NOT_REQUIRED unless the deployment asks for a review of runs of this status.",
    params: pathParams(by),
    response: { 200: answer("The state of the review.", DpmRunWorkflowResponse) },
  };
}

export function getRunReviewHistory({ by, suffix, words }: RunPath) {
  return {
    operationId: `getRunReviewHistory${suffix}`,
    tags,
    summary: `Every decision about ${words}, in the order in which they were taken`,
    description: "Decisions are appended and never changed.",
    params: pathParams(by),
    response: { 200: answer("The decisions.", DpmRunWorkflowHistoryResponse) },
  };
}

export function actOnRunReview({ by, suffix, words }: RunPath) {
  return {
    operationId: `actOnRunReview${suffix}`,
    tags,
    summary: `Approve, reject or send back ${words}`,
    description:
      "Actions on one run take effect one after the other. A refusal (409) is stored with its key and replayed.",
    params: pathParams(by),
    body: DpmRunWorkflowActionRequest,
    response: { 200: answer("The review after the action.", DpmRunWorkflowResponse) },
  };
}

const decisions = answer("One page of decisions.", DpmWorkflowDecisionListResponse);

export const listReviewDecisions = {
  operationId: "listReviewDecisions",
  tags,
  summary: "Decisions across runs, newest first",
  description: "Filters are combined; a page is stable while decisions are added.",
  querystring: filters({
    rebalance_run_id: nameFilter,
    action: oneOfFilter(WorkflowAction),
    actor_id: nameFilter,
    reason_code: nameFilter,
    from: fromFilter,
    to: toFilter,
    limit: limitFilter(200, 50),
    cursor: cursorFilter(decisionCursor),
  }),
  response: { 200: decisions },
};

export const listReviewDecisionsByCorrelation = {
  operationId: "listReviewDecisionsByCorrelation",
  tags,
  summary: "Every decision about the latest run of a correlation id, in the order in which they were taken",
  description: "Decisions are appended and never changed.",
  params: pathParams("correlation_id"),
  response: { 200: answer("The decisions.", DpmRunWorkflowHistoryResponse) },
};
