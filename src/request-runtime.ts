import fp from "fastify-plugin";
import { withDeadline, type Runtime } from "./runtime.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What the process has opened, for the time of this request: it does nothing after its deadline. */
    runtime: Runtime;
  }
}

/** Gives handlers the runtime by their request, and by nothing else: none can forget the deadline. */
export const requestRuntime = fp<{ readonly runtime: Runtime }>(
  (app, { runtime }, done) => {
    app.decorateRequest("runtime");
    app.addHook("onRequest", (request, _reply, next) => {
      request.runtime = withDeadline(runtime, request.deadline, request.context.traceparent);
      next();
    });
    done();
  },
  { name: "request-runtime", dependencies: ["request-context", "request-deadline"] },
);
