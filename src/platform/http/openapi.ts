import { STATUS_CODES } from "node:http";
import * as z from "zod";
import { Problem } from "../../contract/problem.ts";
import { canonicalJson } from "../json/canonical-json.ts";
import { exampleOf } from "./openapi-examples.ts";
import type { AnswerSpec, ProblemSpec, Route } from "./route.ts";

/** Parts of a document are plain JSON; the tests hold that it is a valid one. */
type Json = Readonly<Record<string, unknown>>;
/** What the operations refer to; filled while they are described. */
type Components = { readonly schemas: Record<string, unknown>; readonly examples: Record<string, unknown> };
type Direction = "input" | "output";

export type ApiInfo = { readonly title: string; readonly version: string; readonly description: string };

export type OpenApiDocument = Json;

/** The OpenAPI 3.1 document of declared routes; schemas that have an id become components. */
export function openApiDocument(routes: readonly Route[], info: ApiInfo): OpenApiDocument {
  const parts: Components = { schemas: {}, examples: {} };
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = (paths[route.path] ??= {});
    path[METHODS[route.method]] = operation(route, parts);
  }
  return {
    openapi: "3.1.0",
    info,
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: inNameOrder(parts.schemas),
      examples: inNameOrder(parts.examples),
      parameters: PARAMETERS,
      headers: RESPONSE_HEADERS,
    },
  };
}

const METHODS = { GET: "get", POST: "post", PUT: "put", DELETE: "delete" } as const;

function inNameOrder(named: Json): Json {
  return Object.fromEntries(Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function operation(route: Route, parts: Components): Json {
  const { operationId, tag, summary, description, bodyExample } = route;
  const body = {
    required: true,
    content: {
      "application/json": {
        schema: describe(route.body, "input", parts),
        ...(bodyExample === undefined ? {} : { example: bodyExample }),
      },
    },
  };
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    parameters: parameters(route, parts),
    ...(route.takesBody ? { requestBody: body } : {}),
    responses: { ...answers(route, parts), ...problems(route, parts) },
  };
}

/** The JSON Schema of a type. What has an id goes to the components, and a reference to it comes back. */
function describe(type: z.ZodType, io: Direction, parts: Components): Json {
  const { properties, $defs } = z.toJSONSchema(z.strictObject({ it: type }), {
    io,
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // As a client may write it: decimals are texts, also within a map.
      if (def.type === "default") jsonSchema.default = JSON.parse(canonicalJson(def.defaultValue));
      delete jsonSchema.id;
    },
  });
  Object.assign(parts.schemas, withComponentRefs($defs ?? {}));
  return withComponentRefs(properties?.["it"] ?? {});
}

/** zod refers to `#/$defs/Money`, the document to `#/components/schemas/Money`. */
function withComponentRefs(schema: unknown): Json {
  const text = JSON.stringify(schema).replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/');
  return JSON.parse(text) as Json;
}

function parameters(route: Route, parts: Components): Json[] {
  const own = (route.headers ?? []).map(({ name, description }) => headerParameter(name, description));
  const key = route.idempotencyKey === undefined ? [] : [reference("parameters", "IdempotencyKey")];
  return [
    ...fieldParameters(route.params, "path", parts),
    ...fieldParameters(route.query, "query", parts),
    ...key,
    ...own,
    ...["TenantId", "CorrelationId", "RequestId", "Traceparent"].map((name) => reference("parameters", name)),
  ];
}

function fieldParameters(type: z.ZodType, place: "path" | "query", parts: Components): Json[] {
  if (!(type instanceof z.ZodObject)) return [];
  return Object.entries(type.shape).map(([name, field]) => {
    const required = place === "path" || !z.safeParse(field, undefined).success;
    return { name, in: place, required, schema: describe(field as z.ZodType, "input", parts) };
  });
}

function headerParameter(name: string, description: string): Json {
  return { name, in: "header", required: false, description, schema: VISIBLE_TEXT };
}

const VISIBLE_TEXT: Json = {
  type: "string",
  minLength: 1,
  maxLength: 128,
  pattern: "^[\\x21-\\x7e]+$",
};

const PARAMETERS: Record<string, Json> = {
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    required: true,
    description:
      "Makes the write happen once: the same key with the same payload gets the stored answer, with another payload 409.",
    schema: { ...VISIBLE_TEXT, maxLength: 255 },
    example: "rebalance-2026-01-15-0001",
  },
  TenantId: headerParameter("X-Tenant-Id", "Whose data it is; without it, the tenant `default`."),
  CorrelationId: headerParameter(
    "X-Correlation-Id",
    "Stored with what the request creates, and echoed; made if absent.",
  ),
  RequestId: headerParameter("X-Request-Id", "Echoed; made if absent."),
  Traceparent: headerParameter("traceparent", "W3C trace context; echoed, made if absent."),
};

const RESPONSE_HEADERS: Record<string, Json> = {
  CorrelationId: { description: "The correlation id of the request.", schema: { type: "string" } },
  IdempotentReplayed: {
    description: "`true`: the stored answer of an earlier request with the same key and payload.",
    schema: { type: "string", enum: ["true"] },
  },
  RetryAfter: { description: "Seconds after which to try again.", schema: { type: "integer" } },
};

function reference(kind: "parameters" | "headers" | "examples", name: string): Json {
  return { $ref: `#/components/${kind}/${name}` };
}

const CORRELATION = { "X-Correlation-Id": reference("headers", "CorrelationId") };
const REPLAYED = { "Idempotent-Replayed": reference("headers", "IdempotentReplayed") };
const RETRY = { "Retry-After": reference("headers", "RetryAfter") };

function answers(route: Route, parts: Components): Json {
  const headers = { ...CORRELATION, ...(route.idempotencyKey === undefined ? {} : REPLAYED) };
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, answer]) => [
      status,
      { description: answer.description, headers, ...content(answer, parts) },
    ]),
  );
}

function content({ schema, example, mediaType = "application/json" }: AnswerSpec, parts: Components): Json {
  if (schema === null) return {};
  const described = describe(schema, "output", parts);
  const shown = example === undefined ? { examples: sharedExample(described, parts) } : { example };
  return { content: { [mediaType]: { schema: described, ...shown } } };
}

/** One example for all answers of a schema. */
function sharedExample(schema: Json, parts: Components): Json {
  const target = schema["$ref"];
  const name = typeof target === "string" ? target.replace(/^.*\//, "") : "text";
  parts.examples[name] ??= { value: exampleOf(schema, parts.schemas) };
  return { [name]: reference("examples", name) };
}

/** Problems that every route has, or every route with a body or a key. */
function commonProblems(route: Route): ProblemSpec[] {
  const ofBody = [
    { status: 400, detail: "MALFORMED_JSON" },
    { status: 413, detail: "PAYLOAD_TOO_LARGE" },
    { status: 415, detail: "UNSUPPORTED_MEDIA_TYPE" },
  ];
  const ofKey = [
    { status: 409, detail: "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch" },
    { status: 409, detail: "IDEMPOTENCY_IN_PROGRESS" },
    { status: 422, detail: "IDEMPOTENCY_KEY_REQUIRED" },
    { status: 422, detail: "IDEMPOTENCY_KEY_INVALID" },
  ];
  return [
    ...(route.takesBody ? ofBody : []),
    ...(route.idempotencyKey === undefined ? [] : ofKey),
    { status: 422, detail: "VALIDATION_FAILED" },
    { status: 500, detail: "INTERNAL_ERROR" },
    { status: 503, detail: "SERVICE_OVERLOADED" },
    { status: 503, detail: "DATABASE_UNAVAILABLE" },
  ];
}

function problems(route: Route, parts: Components): Json {
  const schema = describe(Problem, "output", parts);
  const byStatus = new Map<number, Set<string>>();
  for (const { status, detail } of [...(route.problems ?? []), ...commonProblems(route)]) {
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(detail));
  }
  return Object.fromEntries(
    [...byStatus].map(([status, details]) => {
      const examples = Object.fromEntries(
        [...details].map((detail) => problemExample(status, detail, parts)),
      );
      return [
        String(status),
        {
          description: [...details].join(", "),
          headers: { ...CORRELATION, ...(status === 503 ? RETRY : {}) },
          content: { "application/problem+json": { schema, examples } },
        },
      ];
    }),
  );
}

/** A reference to the example of this problem, under a name that OpenAPI allows for a component. */
function problemExample(status: number, detail: string, parts: Components): [name: string, reference: Json] {
  const name = detail.replaceAll(/[^\w.-]+/g, "_");
  const value: z.output<typeof Problem> = {
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    instance: "/rebalance/simulate",
    correlation_id: "corr_4f9d2a61c07e",
  };
  parts.examples[name] = { value };
  return [name, reference("examples", name)];
}
