import fp from "fastify-plugin";
import * as z from "zod";
import { BodyType } from "../body-type.ts";
import type { Scope } from "./auth/scopes.ts";
import type { Caller } from "./context.ts";
import type { ProblemDetails } from "./problem.ts";
import { ProblemError } from "./problems.ts";
import { StreamedBody } from "./streamed-body.ts";

export const ACTOR_MISMATCH: ProblemDetails = { status: 403, detail: "ACTOR_MISMATCH" };

/** Of a service that acts for its users. */
const DELEGATE: Scope = "actor:delegate";

/** The fields by which a body names its actor. */
const ACTOR_FIELDS = ["actor_id", "created_by"] as const;

/** Refuses a body that names another than the token does, ahead of everything that could answer it. */
export const actor = fp(
  (app, _options, done) => {
    app.addHook("preHandler", ({ context: { caller }, body }, _reply, next) => {
      const isOwn = actorsIn(body).every((name) => mayActAs(caller, name));
      next(isOwn ? undefined : new ProblemError(ACTOR_MISMATCH));
    });
    done();
  },
  { name: "actor", dependencies: ["validation"] },
);

/** Whether a caller may act under a name. Without a token, names are as they are sent. */
export function mayActAs(caller: Pick<Caller, "subject" | "scopes"> | null, name: unknown): boolean {
  return caller === null || name === caller.subject || caller.scopes.has(DELEGATE);
}

function actorsIn(body: unknown): unknown[] {
  if (typeof body !== "object" || body === null) return [];
  const fields: Readonly<Record<string, unknown>> = { ...body };
  return ACTOR_FIELDS.flatMap((field) => (field in fields ? [fields[field]] : []));
}

/** Whether the bodies of a route say who acts. Of a large body, its document says the same fields. */
export function namesActor(body: unknown): boolean {
  const schema = body instanceof BodyType || body instanceof StreamedBody ? body.schema : body;
  return schema instanceof z.ZodObject && ACTOR_FIELDS.some((field) => field in schema.shape);
}
