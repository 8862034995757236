import { errorCodes } from "fastify";
import fp from "fastify-plugin";
import { COMMIT_MARGIN_MS } from "../database/unit.ts";
import type { Deadline } from "../deadline.ts";
import { OUTCOME_UNKNOWN } from "./failures.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Ends everything that is done for this request: when its time is up, or when its caller has gone. */
    deadline: Deadline;
  }
  interface FastifyContextConfig {
    /** The time of requests to this route, where it is another than that of all. */
    deadlineMs?: number;
  }
}

const SAFE_METHODS = new Set(["GET", "HEAD"]);
/** For the work to fail by itself, which says more than a timer can. */
const ANSWER_MS = 250;

/**
 * Gives each request its deadline. Work that ends there fails by itself, and says whether something was written. What has
 * not ended when a COMMIT would no longer be waited for is answered here. Fastify's `handlerTimeout` and `request.signal`
 * end as soon as a body has been read.
 */
export const requestDeadline = fp<{ readonly requestDeadlineMs: number }>(
  (app, { requestDeadlineMs }, done) => {
    app.decorateRequest("deadline");
    app.addHook("onRequest", (request, reply, next) => {
      const { url, config } = request.routeOptions;
      const deadlineMs = config.deadlineMs ?? requestDeadlineMs;
      const controller = new AbortController();
      const answerLate = () => {
        if (reply.sent) return;
        if (SAFE_METHODS.has(request.method)) {
          reply.send(new errorCodes.FST_ERR_HANDLER_TIMEOUT(deadlineMs, url));
        } else reply.problem(OUTCOME_UNKNOWN);
      };
      let timer = setTimeout(() => {
        controller.abort();
        timer = setTimeout(answerLate, COMMIT_MARGIN_MS + ANSWER_MS);
      }, deadlineMs);
      request.deadline = { endsAt: performance.now() + deadlineMs, signal: controller.signal };
      reply.raw.once("close", () => {
        clearTimeout(timer);
        if (!reply.raw.writableFinished) controller.abort();
      });
      next();
    });
    done();
  },
  { name: "request-deadline", dependencies: ["request-context", "problems"] },
);
