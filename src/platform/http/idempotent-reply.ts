import type { FastifyReply } from "fastify";
import fp from "fastify-plugin";
import type { IdempotencyScope } from "../idempotency/repository.ts";
import type { WriteOutcome } from "../idempotency/write.ts";
import type { Metrics } from "../metrics.ts";
import { logIds } from "./context.ts";
import type { ProblemDetails } from "./problem.ts";

declare module "fastify" {
  interface FastifyReply {
    /** Sends what a write came to; a stored answer goes out with the status and the bytes that it had. */
    written: (scope: IdempotencyScope, outcome: WriteOutcome<unknown>) => FastifyReply;
  }
}

export type IdempotentReplyOptions = {
  readonly metrics: Pick<Metrics, "idempotentReplays" | "idempotencyConflicts">;
};

const COME_BACK_SECONDS = 1;
const CONFLICT: ProblemDetails = { status: 409, detail: "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch" };
const IN_PROGRESS: ProblemDetails = { status: 409, detail: "IDEMPOTENCY_IN_PROGRESS" };

/** The HTTP answer of a write, and what is counted of it. */
export const idempotentReply = fp<IdempotentReplyOptions>(
  (app, { metrics }, done) => {
    app.decorateReply("written", function (scope, outcome) {
      switch (outcome.kind) {
        case "answered":
          if (outcome.isReplayed) {
            metrics.idempotentReplays.inc({ scope: scope.name });
            void this.header("idempotent-replayed", "true");
          }
          return this.answer(outcome.answer.body, outcome.answer.status);
        case "conflict":
          metrics.idempotencyConflicts.inc({ scope: scope.name });
          return this.problem(CONFLICT);
        case "in_progress":
          return this.problem({ ...IN_PROGRESS, retryAfterSeconds: COME_BACK_SECONDS });
        case "inconsistent":
          return sendInconsistent(this, scope);
      }
    });
    done();
  },
  { name: "idempotent-reply", dependencies: ["problems"] },
);

function sendInconsistent(reply: FastifyReply, scope: IdempotencyScope): FastifyReply {
  const line = { scope: scope.name, ...logIds(reply.request.context) };
  reply.log.error(line, "an idempotency record points to something that is missing");
  return reply.problem(inconsistent(scope));
}

function inconsistent(scope: IdempotencyScope): ProblemDetails {
  return { status: 503, detail: scope.inconsistent, retryAfterSeconds: COME_BACK_SECONDS };
}

/** The problems that a write under a key may end in, for its documentation. */
export function writeProblems(scope: IdempotencyScope): ProblemDetails[] {
  return [CONFLICT, IN_PROGRESS, inconsistent(scope)];
}
