import swagger from "@fastify/swagger";
import type { FastifySchema, RouteOptions } from "fastify";
import fp from "fastify-plugin";
import type * as z from "zod";
import { BodyType } from "../body-type.ts";
import { exampleOf } from "./openapi-examples.ts";
import { namesActor } from "./actor.ts";
import { describeProblems, referToShared, sharedStatuses, type Problems } from "./openapi-problems.ts";
import {
  createComponents,
  jsonSchemaOf,
  parametersOf,
  type Answer,
  type Components,
} from "./openapi-schemas.ts";
import type { Json } from "./openapi-readable.ts";
import { RESPONSE_HEADERS, requestHeaders } from "./openapi-headers.ts";
import { accessProblems, SECURITY_SCHEMES, securityOf } from "./openapi-security.ts";
import type { HeaderDocs } from "./route-docs.ts";
import { NDJSON_TYPE, StreamedBody } from "./streamed-body.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The problems that only this route has; those of every route need not be named. */
    problems?: Problems;
    /** A request that can be sent as it stands. */
    bodyExample?: unknown;
  }
}

export type OpenApiOptions = {
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
    readonly contact?: { readonly name: string };
    readonly license?: { readonly name: string; readonly identifier: string };
  };
  /** The groups of operations, in the order in which they are shown. */
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** What the service really answered, by the component that the answer is of: `scripts/record-answers.ts`. */
  readonly answers?: Json;
  readonly servers: readonly { readonly url: string; readonly description: string }[];
};

type DocumentedAnswer = {
  readonly description: string;
  readonly headers?: HeaderDocs;
  readonly content?: Readonly<Record<string, { readonly schema: z.ZodType; readonly example?: unknown }>>;
};

/**
 * Makes the OpenAPI 3.1 document from the routes that are registered after it: zod schemas become JSON Schema, those with
 * an id components; common headers and problems are added to each operation.
 */
export const openApi = fp<OpenApiOptions>(
  async (app, { info, tags, servers, answers = {} }) => {
    const components = createComponents(answers);
    await app.register(swagger, {
      convertConstToEnum: false,
      openapi: {
        openapi: "3.1.0",
        info,
        servers: [...servers],
        tags: [...tags],
        components: { securitySchemes: SECURITY_SCHEMES },
      },
      transform: ({ schema, url, route }) => ({ url, schema: describeRoute(schema, route, components) }),
      transformObject: (made) => ("openapiObject" in made ? finish(made.openapiObject, components) : {}),
    });
  },
  { name: "openapi" },
);

/** The schema of a route in the words of @fastify/swagger. */
function describeRoute(schema: FastifySchema | undefined, route: RouteOptions, components: Components) {
  if (schema?.response === undefined) return { hide: true };
  const { scope, idempotencyKey, problems = [], bodyExample, rateLimit } = route.config ?? {};
  const hasKey = idempotencyKey !== undefined;
  const hasLimit = rateLimit !== false;
  const { params, querystring, headers, body, response, ...documentation } = schema;
  const described = {
    ...documentation,
    "x-shared-problems": sharedStatuses(params !== undefined),
    ...parametersOf("params", params, components),
    ...parametersOf("querystring", querystring, components),
    security: securityOf(scope),
    headers: requestHeaders(headers as HeaderDocs | undefined, hasKey),
    response: {
      ...describeAnswers(response as Record<string, DocumentedAnswer>, { hasKey, hasLimit }, components),
      ...describeProblems(
        {
          access: accessProblems(scope),
          own: problems,
          hasKey,
          hasLimit,
          isWrite: route.method !== "GET",
          namesActor: namesActor(body),
        },
        components,
      ),
    },
  };
  if (body === undefined) return described;
  const content = describeBody(body, components);
  const lines = body instanceof StreamedBody ? { [NDJSON_TYPE]: body.lines.example } : {};
  // An example beside a reference would be dropped on the way: it travels with the operation.
  const examples = { ...(bodyExample === undefined ? {} : { [JSON_TYPE]: bodyExample }), ...lines };
  return { ...described, body: { content }, "x-body-examples": examples };
}

/** A schema, or what stands for one. */
function describeBody(body: unknown, components: Components): Json {
  const hasSchema = body instanceof BodyType || body instanceof StreamedBody;
  const schema = jsonSchemaOf(hasSchema ? body.schema : (body as z.ZodType), "input", components);
  return {
    [JSON_TYPE]: { schema },
    ...(body instanceof StreamedBody ? { [NDJSON_TYPE]: linesOf(body) } : {}),
  };
}

const JSON_TYPE = "application/json";

function linesOf({ lines: { description } }: StreamedBody): Json {
  return { schema: { type: "string", description } };
}

function describeAnswers(
  answers: Readonly<Record<string, DocumentedAnswer>>,
  { hasKey, hasLimit }: { readonly hasKey: boolean; readonly hasLimit: boolean },
  components: Components,
) {
  const { ofEveryAnswer, idempotentReplayed, rateLimit } = RESPONSE_HEADERS;
  const headers = {
    ...ofEveryAnswer,
    ...(hasKey ? idempotentReplayed : {}),
    ...(hasLimit ? rateLimit : {}),
  };
  return Object.fromEntries(
    Object.entries(answers).map(([status, { content, headers: own, ...rest }]) => [
      status,
      {
        ...rest,
        headers: { ...headers, ...own },
        ...(content === undefined ? {} : { content: describeContent(content, components) }),
      },
    ]),
  );
}

function describeContent(content: NonNullable<DocumentedAnswer["content"]>, components: Components): Json {
  return Object.fromEntries(
    Object.entries(content).map(([mediaType, { schema, example }]) => {
      const described = jsonSchemaOf(schema, "output", components);
      const shown = example === undefined ? { examples: sharedExample(described, components) } : { example };
      return [mediaType, { schema: described, ...shown }];
    }),
  );
}

/** One example for all answers of a schema. */
function sharedExample(schema: Json, components: Components): Json {
  const target = schema["$ref"];
  const name = typeof target === "string" ? target.replace(/^.*\//, "") : "text";
  components.examples[name] ??= {
    value: components.answers[name] ?? exampleOf(schema, components.schemas),
  };
  return { [name]: { $ref: `#/components/examples/${name}` } };
}

type Parameter = { in: string; schema?: { allOf?: readonly object[] } };
type DocumentedOperation = {
  parameters?: Parameter[];
  responses?: Record<string, Answer>;
  requestBody?: { content: Record<string, Record<string, unknown>> };
  "x-body-examples"?: Readonly<Record<string, unknown>>;
  "x-shared-problems"?: number[];
};

/** Adds the components, and mends what the converter of @fastify/swagger cannot say. */
function finish(made: object, components: Components): object {
  const document = made as { paths: Record<string, Record<string, DocumentedOperation>> };
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  for (const operation of operations) mend(operation, components);
  const { schemas, examples, responses } = components;
  const headers = sharedHeaders([...operations, components]);
  const named = {
    schemas: inNameOrder(schemas),
    responses: inNameOrder(responses),
    headers: inNameOrder(headers),
    examples: inNameOrder(examples),
  };
  return { ...document, components: { ...named, securitySchemes: SECURITY_SCHEMES } };
}

const PLACES = ["path", "query", "header"];

function mend(operation: DocumentedOperation, components: Components): void {
  const { parameters = [], requestBody, responses = {} } = operation;
  const { "x-body-examples": examples = {}, "x-shared-problems": shared = [] } = operation;
  delete operation["x-body-examples"];
  delete operation["x-shared-problems"];
  Object.assign(responses, referToShared(shared, components));
  for (const [type, example] of Object.entries(examples)) {
    Object.assign(requestBody?.content[type] ?? {}, { example });
  }
  parameters.sort((a, b) => PLACES.indexOf(a.in) - PLACES.indexOf(b.in));
  for (const parameter of parameters) {
    const [wrapped] = parameter.schema?.allOf ?? [];
    if (wrapped !== undefined) parameter.schema = wrapped;
  }
}

/** Makes the headers of answers components: those of one name are the same wherever they are. */
function sharedHeaders(answering: readonly Pick<DocumentedOperation, "responses">[]): Json {
  const shared: Record<string, unknown> = {};
  for (const { responses = {} } of answering) {
    for (const { headers = {} } of Object.values(responses)) {
      for (const [name, header] of Object.entries(headers)) {
        shared[name] ??= header;
        headers[name] = { $ref: `#/components/headers/${name}` };
      }
    }
  }
  return shared;
}

function inNameOrder(named: Json): Json {
  return Object.fromEntries(Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1)));
}
