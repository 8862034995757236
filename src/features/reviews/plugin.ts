import type { FastifyReply } from "fastify";
import { readEventually } from "../../platform/database/read-eventually.ts";
import type { CursorCodec } from "../../platform/http/cursor.ts";
import { writeProblems } from "../../platform/http/idempotent-reply.ts";
import type { ProblemDetails } from "../../platform/http/problem.ts";
import { pageOfRows, pageText, type PageRequest } from "../../platform/http/pagination.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import type { AboutRun } from "../runs/missing-run.ts";
import { MISSING_RUN, missingRunProblems, RUN_PATHS, type RunPath } from "../runs/run-paths.ts";
import { decisionView, type RunDecision } from "./core.ts";
import { ACTION_EXAMPLE } from "./examples.ts";
import { readReview, readReviewHistory } from "./read-review.ts";
import { listDecisions, REVIEW_SCOPE } from "./repository.ts";
import { reviewRun } from "./review-run.ts";
import * as schemas from "./schemas.ts";

type Options = Pick<Runtime, "config">;

const REFUSALS: readonly ProblemDetails[] = [
  { status: 409, detail: "DPM_WORKFLOW_NOT_REQUIRED_FOR_RUN_STATUS" },
  { status: 409, detail: "DPM_WORKFLOW_INVALID_TRANSITION" },
  { status: 403, detail: "SEGREGATION_OF_DUTIES" },
];

/** The review of runs that need one, below each path of a run, and the decisions across runs. */
export const reviews: FeaturePlugin<Options> = async (app, options) => {
  const { isEnabled } = options.config.rebalance.review;
  switchGroup(app, isEnabled, "DPM_WORKFLOW_DISABLED");

  for (const runPath of RUN_PATHS) await app.register(reviewOfRun, { runPath });

  app.get(
    "/rebalance/workflow/decisions",
    { schema: schemas.listReviewDecisions, config: { scope: "rebalance:read" } },
    async ({ runtime, context: { tenantId }, query }, reply) => {
      const { limit, cursor: after, ...filters } = query;
      const page = { tenantId, after, limit };
      const rows = await readEventually(runtime.reads, { tenantId }, (tx) =>
        listDecisions(tx, filters, page),
      );
      return sendPage(reply, rows, page, schemas.decisionCursor);
    },
  );

  app.get(
    "/rebalance/workflow/decisions/by-correlation/:correlation_id",
    {
      schema: schemas.listReviewDecisionsByCorrelation,
      config: { scope: "rebalance:read", problems: [MISSING_RUN.run_not_found] },
    },
    async ({ runtime, context, params: { correlation_id: value } }, reply) =>
      sendFound(reply, await readReviewHistory(runtime, context.tenantId, { by: "correlation_id", value })),
  );
};

const reviewOfRun: FeaturePlugin<{ readonly runPath: RunPath }> = (app, { runPath }) => {
  const { by, path } = runPath;
  const problems = missingRunProblems(runPath);

  app.get(
    `${path}/workflow`,
    { schema: schemas.getRunReview(runPath), config: { scope: "rebalance:read", problems } },
    async ({ runtime, context, params }, reply) =>
      sendFound(reply, await readReview(runtime, context.tenantId, { by, value: params[by] })),
  );

  app.get(
    `${path}/workflow/history`,
    { schema: schemas.getRunReviewHistory(runPath), config: { scope: "rebalance:read", problems } },
    async ({ runtime, context, params }, reply) =>
      sendFound(reply, await readReviewHistory(runtime, context.tenantId, { by, value: params[by] })),
  );

  app.post(
    `${path}/workflow/actions`,
    {
      schema: schemas.actOnRunReview(runPath),
      config: {
        scope: "rebalance:review",
        idempotencyKey: "relaxable",
        problems: [...problems, ...REFUSALS, ...writeProblems(REVIEW_SCOPE)],
        bodyExample: ACTION_EXAMPLE,
      },
    },
    async ({ runtime, context, params, body }, reply) => {
      const outcome = await reviewRun(runtime, context, { by, value: params[by] }, body);
      return outcome.kind === "run_not_found" || outcome.kind === "key_not_found"
        ? reply.problem(MISSING_RUN[outcome.kind])
        : reply.written(REVIEW_SCOPE, outcome);
    },
  );

  return Promise.resolve();
};

function sendFound(reply: FastifyReply, found: AboutRun<object>): FastifyReply {
  return found.kind === "found"
    ? reply.answer(canonicalJson(found.value))
    : reply.problem(MISSING_RUN[found.kind]);
}

function sendPage(
  reply: FastifyReply,
  rows: readonly RunDecision[],
  page: PageRequest<schemas.DecisionPosition>,
  cursor: CursorCodec<schemas.DecisionPosition>,
): FastifyReply {
  const { items, nextCursor } = pageOfRows(
    rows,
    page,
    cursor,
    ({ decided_at, decision_no, decision_id }) => ({ decided_at, decision_no, decision_id }),
  );
  return reply.answer(pageText(items.map(decisionView), nextCursor));
}
