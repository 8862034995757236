import type { ErrorCode } from "../../contract/error-codes.ts";
import { STATUS_CODES } from "node:http";
import type * as z from "zod";
import { ACTOR_INVALID } from "../../contract/person.ts";
import { Problem } from "../../contract/problem.ts";
import { ACTOR_MISMATCH } from "./actor.ts";
import { RATE_LIMITED } from "./auth/rate-limit.ts";
import { OUTCOME_UNKNOWN, OVERLOADED } from "./failures.ts";
import { RESPONSE_HEADERS } from "./openapi-headers.ts";
import type { Json } from "./openapi-readable.ts";
import { jsonSchemaOf, type Components } from "./openapi-schemas.ts";

/** Problems as a route declares them: status and stable code. */
export type Problems = readonly { readonly status: number; readonly detail: ErrorCode }[];

type RouteProblems = {
  /** What a caller may be told before the route is reached. */
  readonly access: Problems;
  readonly own: Problems;
  readonly hasKey: boolean;
  /** A caller may send so many requests in a minute. */
  readonly hasLimit: boolean;
  /** Not GET: a body is read where one is sent, whether the route has a use for it or not, and something may be written. */
  readonly isWrite: boolean;
  /** Its body says who acts. */
  readonly namesActor: boolean;
};

const OF_A_WRITE: Problems = [
  { status: 400, detail: "MALFORMED_JSON" },
  { status: 413, detail: "PAYLOAD_TOO_LARGE" },
  { status: 415, detail: "UNSUPPORTED_MEDIA_TYPE" },
  OVERLOADED,
  OUTCOME_UNKNOWN,
];
const OF_AN_ACTOR: Problems = [ACTOR_MISMATCH, { status: 422, detail: ACTOR_INVALID }];
const OF_A_KEY: Problems = [
  { status: 409, detail: "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch" },
  { status: 409, detail: "IDEMPOTENCY_IN_PROGRESS" },
  { status: 422, detail: "IDEMPOTENCY_KEY_REQUIRED" },
  { status: 422, detail: "IDEMPOTENCY_KEY_INVALID" },
];
const OF_EVERY_ROUTE: Problems = [
  { status: 400, detail: "MALFORMED_REQUEST" },
  { status: 400, detail: "MALFORMED_URL" },
  { status: 422, detail: "VALIDATION_FAILED" },
  { status: 500, detail: "INTERNAL_ERROR" },
  { status: 503, detail: "SERVICE_OVERLOADED" },
  { status: 503, detail: "DATABASE_UNAVAILABLE" },
  { status: 503, detail: "DATABASE_BUSY" },
  { status: 503, detail: "DEADLINE_EXCEEDED" },
  { status: 503, detail: "DATABASE_READ_ONLY" },
  { status: 503, detail: "DATABASE_DISK_FULL" },
  { status: 503, detail: "DATABASE_OUT_OF_MEMORY" },
  { status: 503, detail: "DATABASE_TOO_MANY_CONNECTIONS" },
  { status: 503, detail: "DATABASE_RESTARTING" },
];

/** The responses of a route that are problems, by status, with an example for each code. */
export function describeProblems(
  { access, own, hasKey, hasLimit, isWrite, namesActor }: RouteProblems,
  components: Components,
): Json {
  const all = [
    ...access,
    ...own,
    ...(namesActor ? OF_AN_ACTOR : []),
    ...(isWrite ? OF_A_WRITE : []),
    ...(hasKey ? OF_A_KEY : []),
    ...(hasLimit ? [RATE_LIMITED] : []),
    ...OF_EVERY_ROUTE,
  ];
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const { status, detail } of all) {
    byStatus.set(status, (byStatus.get(status) ?? new Set<ErrorCode>()).add(detail));
  }
  const { ofEveryAnswer, challenge, rateLimit, retryAfter } = RESPONSE_HEADERS;
  return Object.fromEntries(
    [...byStatus].map(([status, details]) => [
      String(status),
      {
        description: [...details].join(", "),
        headers: {
          ...ofEveryAnswer,
          ...(status === 401 || details.has("FORBIDDEN") ? challenge : {}),
          ...(status === 429 ? { ...rateLimit, ...retryAfter } : {}),
          ...(status === 503 || details.has("IDEMPOTENCY_IN_PROGRESS") ? retryAfter : {}),
        },
        content: problemContent(status, [...details], components),
      },
    ]),
  );
}

type SharedProblem = { readonly status: number; readonly detail: ErrorCode; readonly when: string };

/** What is answered ahead of every route, and alike: described once, as a component that each operation refers to. */
const SHARED: readonly SharedProblem[] = [
  { status: 405, detail: "METHOD_NOT_ALLOWED", when: "to another method than the path has" },
  { status: 408, detail: "REQUEST_TIMEOUT", when: "where the request does not arrive whole in time" },
  { status: 414, detail: "URL_TOO_LONG", when: "to a longer name in the path than there can be" },
  { status: 417, detail: "EXPECTATION_FAILED", when: "to an Expect that is not 100-continue" },
  { status: 431, detail: "HEADERS_TOO_LARGE", when: "to more, or longer, header lines than are read" },
];

/** The statuses of an operation that stand in the components. */
export function sharedStatuses(hasParams: boolean): number[] {
  return SHARED.map(({ status }) => status).filter((status) => status !== 414 || hasParams);
}

/** References to them, by status; the components are filled with what they refer to. */
export function referToShared(statuses: readonly number[], components: Components): Json {
  const shared = SHARED.filter(({ status }) => statuses.includes(status));
  for (const { status, detail, when } of shared) {
    components.responses[detail] ??= {
      description: `${detail}: ${when}`,
      headers: documentedHeaders({
        ...RESPONSE_HEADERS.ofEveryAnswer,
        ...(status === 405 ? RESPONSE_HEADERS.allow : {}),
      }),
      content: problemContent(status, [detail], components),
    };
  }
  return Object.fromEntries(
    shared.map(({ status, detail }) => [String(status), { $ref: `#/components/responses/${detail}` }]),
  );
}

/** As @fastify/swagger writes the headers of the other responses. */
function documentedHeaders(headers: Readonly<Record<string, { type: string; description: string }>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, { type, description }]) => [name, { schema: { type }, description }]),
  );
}

function problemContent(status: number, details: readonly ErrorCode[], components: Components): Json {
  return {
    "application/problem+json": {
      schema: jsonSchemaOf(Problem, "output", components),
      examples: Object.fromEntries(details.map((detail) => problemExample(status, detail, components))),
    },
  };
}

/** A reference to the example of this problem, under a name that OpenAPI allows for a component. */
function problemExample(
  status: number,
  detail: ErrorCode,
  components: Components,
): [name: string, ref: Json] {
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
