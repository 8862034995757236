import fp from "fastify-plugin";

/** Whether a deployment asks for Idempotency-Key on all critical writes, or only where something is created. */
export type KeyRequirement = "all" | "create";

declare module "fastify" {
  interface FastifyContextConfig {
    /**
     * `required`: without Idempotency-Key the request is refused. `relaxable`: the same, unless the deployment serves
     * callers that are older than the rule. Left out: the key, when sent, is checked and handed over.
     */
    idempotencyKey?: "required" | "relaxable";
  }
}

/** Refuses a request without the key that `config.idempotencyKey` of its route demands. */
export const idempotencyKey = fp<{ readonly requirement: KeyRequirement }>(
  (app, { requirement }, done) => {
    app.addHook("preValidation", ({ context, faults, routeOptions }, _reply, next) => {
      const rule = routeOptions.config.idempotencyKey;
      const isDemanded = rule === "required" || (rule === "relaxable" && requirement === "all");
      // A key that was sent and is malformed was reported as such.
      const isReported = faults.some(({ code }) => code === "IDEMPOTENCY_KEY_INVALID");
      if (isDemanded && context.idempotencyKey === null && !isReported) {
        const msg = "is required";
        faults.push({ part: "header", path: ["Idempotency-Key"], msg, code: "IDEMPOTENCY_KEY_REQUIRED" });
      }
      next();
    });
    done();
  },
  { name: "idempotency-key", dependencies: ["request-context", "strict-json"] },
);
