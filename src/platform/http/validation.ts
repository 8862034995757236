import type { FastifyPluginAsync, FastifyTypeProvider, RawServerDefault } from "fastify";
import fp from "fastify-plugin";
import * as z from "zod";
import { validate, type UnknownFields } from "../../contract/faults.ts";
import { wireObject } from "../../contract/wire.ts";
import { invalidRequest, type RequestFault } from "./problem.ts";
import { ProblemError } from "./problems.ts";

/** What a handler gets is what the zod schemas of its route make of path, query and body. */
export interface ZodTypes extends FastifyTypeProvider {
  validator: this["schema"] extends z.ZodType ? z.output<this["schema"]> : unknown;
}

/** A feature: a plugin whose routes have zod schemas. */
export type FeaturePlugin<Options extends object> = FastifyPluginAsync<Options, RawServerDefault, ZodTypes>;

/** Without a schema, a part of a request must be empty. */
const NOTHING = wireObject({});

/** Reads all parts of a request by the schemas of its route, and refuses it with every fault in any of them at once. */
export const validation = fp<{ readonly unknownFields: UnknownFields }>(
  (app, { unknownFields }, done) => {
    // The hook does the work of both: all parts are judged together, and answers are bytes already.
    app.setValidatorCompiler(() => () => true);
    app.setSerializerCompiler(() => () => {
      throw new Error("an answer is text that is written already: send it by reply.answer");
    });
    app.addHook("preValidation", (request, _reply, next) => {
      const { context, faults } = request;
      const schema = request.routeOptions.schema ?? {};
      const read = (part: RequestFault["part"], type: unknown, value: unknown): unknown => {
        const validated = validate(type instanceof z.ZodType ? type : NOTHING, value, unknownFields, context);
        if (validated.ok) return validated.value;
        for (const fault of validated.faults) faults.push({ ...fault, part });
        return undefined;
      };
      request.params = read("path", schema.params, request.params);
      request.query = read("query", schema.querystring, request.query);
      request.body = read("body", schema.body, request.body);
      next(faults.length > 0 ? new ProblemError(invalidRequest(faults)) : undefined);
    });
    done();
  },
  { name: "validation", dependencies: ["strict-json", "idempotency-key"] },
);
