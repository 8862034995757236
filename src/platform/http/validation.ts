import type { FastifyPluginAsync, FastifyTypeProvider, RawServerDefault } from "fastify";
import fp from "fastify-plugin";
import * as z from "zod";
import { validate, type UnknownFields } from "../../contract/faults.ts";
import { wireObject, type Reader } from "../../contract/wire.ts";
import { BodyType, type BodyRead, type BodyTerms, type Document } from "../body-type.ts";
import type { Calculations } from "../threads.ts";
import type { IncomingMessage } from "node:http";
import type { RequestContext } from "./context.ts";
import { invalidRequest, type RequestFault } from "./problem.ts";
import { ProblemError } from "./problems.ts";
import { StreamedBody } from "./streamed-body.ts";
import { malformedBody } from "./strict-json.ts";

/** What a handler gets is what the zod schemas of its route make of path, query and body. */
export interface ZodTypes extends FastifyTypeProvider {
  validator: this["schema"] extends BodyType<infer _T, infer Facts>
    ? Document<Facts>
    : this["schema"] extends StreamedBody
      ? IncomingMessage
      : this["schema"] extends z.ZodType
        ? z.output<this["schema"]>
        : unknown;
}

/** A feature: a plugin whose routes have zod schemas. */
export type FeaturePlugin<Options extends object> = FastifyPluginAsync<Options, RawServerDefault, ZodTypes>;

/** Where a feature registers its routes. */
export type FeatureApp = Parameters<FeaturePlugin<object>>[0];

/** Without a schema, a part of a request must be empty. */
const NOTHING = wireObject({});

export type ValidationOptions = {
  readonly unknownFields: UnknownFields;
  /** Where large bodies are read. */
  readonly calculations: Calculations;
};

/** Reads all parts of a request by the schemas of its route, and refuses it with every fault in any of them at once. */
export const validation = fp<ValidationOptions>(
  (app, { unknownFields, calculations }, done) => {
    // The hook does the work of both: all parts are judged together, and answers are bytes already.
    app.setValidatorCompiler(() => () => true);
    app.setSerializerCompiler(() => () => {
      throw new Error("an answer is text that is written already: send it by reply.answer");
    });
    app.addHook("preValidation", async (request) => {
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
      const { body: type } = schema;
      if (type instanceof BodyType) {
        const body = await readDocument(type, request.body, {
          unknownFields,
          reader: readerOf(context),
          calculations,
          signal: request.deadline.signal,
        });
        if (body.kind === "malformed") throw new ProblemError(malformedBody(body.reason));
        if (body.kind === "refused") for (const fault of body.faults) faults.push({ ...fault, part: "body" });
        request.body = body.kind === "read" ? body.document : undefined;
      } else if (!(type instanceof StreamedBody)) {
        request.body = read("body", type, request.body);
      }
      if (faults.length > 0) throw new ProblemError(invalidRequest(faults));
    });
    done();
  },
  { name: "validation", dependencies: ["strict-json", "idempotency-key"] },
);

/** Read in the time in which a position is calculated: what `strict-json` leaves to a thread is worth one. */
const BYTES_PER_COST = 400;

/** A large body is still the bytes that it came as: see `strict-json`. */
async function readDocument<Facts extends object>(
  type: BodyType<unknown, Facts>,
  body: unknown,
  { calculations, signal, ...terms }: DocumentTerms,
): Promise<BodyRead<Facts>> {
  if (!Buffer.isBuffer(body)) return type.readTree(body, terms);
  return calculations.run(
    type.reading,
    { bytes: body, ...terms },
    { cost: body.length / BYTES_PER_COST, signal },
  );
}

type DocumentTerms = BodyTerms & Pick<ValidationOptions, "calculations"> & { readonly signal: AbortSignal };

/** No more of the context than a body is read by: it may be copied to a thread. */
export function readerOf({ tenantId, caller }: RequestContext): Reader {
  return { tenantId, caller: caller === null ? null : { subject: caller.subject } };
}
