import { errorCodes } from "fastify";
import fp from "fastify-plugin";

/**
 * Answers a request that is late with 503. Fastify's `handlerTimeout` does the same, but forgets a request as soon as its
 * body has been read.
 */
export const requestDeadline = fp<{ readonly requestDeadlineMs: number }>(
  (app, { requestDeadlineMs }, done) => {
    app.addHook("onRequest", (request, reply, next) => {
      const timer = setTimeout(() => {
        if (reply.sent) return;
        reply.send(new errorCodes.FST_ERR_HANDLER_TIMEOUT(requestDeadlineMs, request.routeOptions.url));
      }, requestDeadlineMs);
      const stop = () => clearTimeout(timer);
      reply.raw.once("finish", stop).once("close", stop);
      next();
    });
    done();
  },
  { name: "request-deadline", dependencies: ["request-context", "problems"] },
);
