import { STATUS_CODES } from "node:http";
import type * as z from "zod";
import { ACTOR_INVALID } from "../../contract/person.ts";
import { Problem } from "../../contract/problem.ts";
import { ACTOR_MISMATCH } from "./actor.ts";
import { RATE_LIMITED } from "./auth/rate-limit.ts";
import { OVERLOADED } from "./failures.ts";
import { RESPONSE_HEADERS } from "./openapi-headers.ts";
import { jsonSchemaOf, type Components, type Json } from "./openapi-schemas.ts";

/** Problems as a route declares them: status and stable code. */
export type Problems = readonly { readonly status: number; readonly detail: string }[];

type RouteProblems = {
  /** What a caller may be told before the route is reached. */
  readonly access: Problems;
  readonly own: Problems;
  readonly hasKey: boolean;
  /** A caller may send so many requests in a minute. */
  readonly hasLimit: boolean;
  readonly hasBody: boolean;
  /** Its body says who acts. */
  readonly namesActor: boolean;
};

const OF_A_BODY: Problems = [
  { status: 400, detail: "MALFORMED_JSON" },
  { status: 413, detail: "PAYLOAD_TOO_LARGE" },
  { status: 415, detail: "UNSUPPORTED_MEDIA_TYPE" },
  OVERLOADED,
];
const OF_AN_ACTOR: Problems = [ACTOR_MISMATCH, { status: 422, detail: ACTOR_INVALID }];
const OF_A_KEY: Problems = [
  { status: 409, detail: "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch" },
  { status: 409, detail: "IDEMPOTENCY_IN_PROGRESS" },
  { status: 422, detail: "IDEMPOTENCY_KEY_REQUIRED" },
  { status: 422, detail: "IDEMPOTENCY_KEY_INVALID" },
  { status: 503, detail: "OUTCOME_UNKNOWN" },
];
const OF_EVERY_ROUTE: Problems = [
  { status: 422, detail: "VALIDATION_FAILED" },
  { status: 500, detail: "INTERNAL_ERROR" },
  { status: 503, detail: "SERVICE_OVERLOADED" },
  { status: 503, detail: "DATABASE_UNAVAILABLE" },
  { status: 503, detail: "DEADLINE_EXCEEDED" },
  { status: 503, detail: "DATABASE_READ_ONLY" },
  { status: 503, detail: "DATABASE_DISK_FULL" },
  { status: 503, detail: "DATABASE_OUT_OF_MEMORY" },
  { status: 503, detail: "DATABASE_TOO_MANY_CONNECTIONS" },
  { status: 503, detail: "DATABASE_RESTARTING" },
];

/** The responses of a route that are problems, by status, with an example for each code. */
export function describeProblems(
  { access, own, hasKey, hasLimit, hasBody, namesActor }: RouteProblems,
  components: Components,
): Json {
  const schema = jsonSchemaOf(Problem, "output", components);
  const all = [
    ...access,
    ...own,
    ...(namesActor ? OF_AN_ACTOR : []),
    ...(hasBody ? OF_A_BODY : []),
    ...(hasKey ? OF_A_KEY : []),
    ...(hasLimit ? [RATE_LIMITED] : []),
    ...OF_EVERY_ROUTE,
  ];
  const byStatus = new Map<number, Set<string>>();
  for (const { status, detail } of all) {
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(detail));
  }
  const { correlationId, rateLimit, retryAfter } = RESPONSE_HEADERS;
  const describe = (status: number, details: readonly string[]) => ({
    description: details.join(", "),
    headers: {
      ...correlationId,
      ...(status === 429 ? { ...rateLimit, ...retryAfter } : {}),
      ...(status === 503 ? retryAfter : {}),
    },
    content: {
      "application/problem+json": {
        schema,
        examples: Object.fromEntries(details.map((detail) => problemExample(status, detail, components))),
      },
    },
  });
  return Object.fromEntries(
    [...byStatus].map(([status, details]) => [String(status), describe(status, [...details])]),
  );
}

/** A reference to the example of this problem, under a name that OpenAPI allows for a component. */
function problemExample(status: number, detail: string, components: Components): [name: string, ref: Json] {
  const name = detail.replaceAll(/[^\w.-]+/g, "_");
  const value: z.output<typeof Problem> = {
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    instance: "/rebalance/simulate",
    correlation_id: "corr_4f9d2a61c07e",
  };
  components.examples[name] = { value };
  return [name, { $ref: `#/components/examples/${name}` }];
}
