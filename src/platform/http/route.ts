/**
 * How a feature declares its HTTP routes: as values. `src/app.ts` registers them, and the OpenAPI document is made
 * from the same values.
 *
 *   export function runRoutes(deps: RunDeps): Route[] {
 *     return [
 *       route({
 *         method: "GET",
 *         path: "/rebalance/runs/{rebalance_run_id}",
 *         operationId: "getRun",
 *         tag: "Runs",
 *         summary: "One run with its whole result",
 *         params: pathParams("rebalance_run_id"),
 *         answers: { 200: { description: "The run.", schema: DpmRunLookupResponse } },
 *         problems: [{ status: 404, detail: "DPM_RUN_NOT_FOUND" }],
 *         handle: async ({ context, params }) => {
 *           const run = await findRun(deps.database, context.tenantId, params.rebalance_run_id);
 *           if (run === undefined) return problemReply(context, { status: 404, detail: "DPM_RUN_NOT_FOUND" });
 *           return { status: 200, body: canonicalJson(run) };
 *         },
 *       }),
 *     ];
 *   }
 *
 * `handle` is called with what the schemas made of path, query and body, only when all of it and the headers are
 * right. It returns the bytes of its answer; what it throws becomes a problem in `failures.ts`.
 */
import type * as z from "zod";
import { wireObject } from "../../contract/wire.ts";
import type { RequestContext } from "./context.ts";
import type { Reply } from "./problem.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** One successful answer. `schema` is null where there is no body. */
export type AnswerSpec = {
  readonly description: string;
  readonly schema: z.ZodType | null;
  /** JSON, if left out. */
  readonly mediaType?: string;
  readonly example?: unknown;
};

/** A problem that only this route has; those of every route need not be named. */
export type ProblemSpec = { readonly status: number; readonly detail: string };

/** What documents a route. */
export type RouteDescription = {
  readonly method: Method;
  /** As OpenAPI writes it, with `{name}` for each parameter of `params`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /**
   * `required`: without Idempotency-Key the request is refused. `relaxable`: the same, unless the deployment serves
   * callers that are older than the rule, and asks for the key only where something is created. Left out: the key, when
   * sent, is checked and handed over.
   */
  readonly idempotencyKey?: "required" | "relaxable";
  /** Request headers of this route beyond those of every route. */
  readonly headers?: readonly HeaderSpec[];
  readonly bodyExample?: unknown;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  readonly problems?: readonly ProblemSpec[];
  /** Set where a switch turns the route off: it then answers 404 with this code, whatever is sent. */
  readonly disabledAs?: string;
};

export type HeaderSpec = { readonly name: string; readonly description: string };

export type RouteInput<Params, Query, Body> = {
  readonly context: RequestContext;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
};

type Schemas<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> = {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
};

type Handle<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> = (
  request: RouteInput<z.output<Params>, z.output<Query>, z.output<Body>>,
) => Promise<Reply>;

/** A declared route, its types taken out of sight: `handle` gets what the three schemas made. */
export type Route = RouteDescription & {
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  readonly body: z.ZodType;
  /** Without one, an empty body or `{}` is taken. */
  readonly takesBody: boolean;
  readonly handle: (request: RouteInput<unknown, unknown, unknown>) => Promise<Reply>;
};

const NOTHING = wireObject({});
type Nothing = typeof NOTHING;

export function route<
  Params extends z.ZodType = Nothing,
  Query extends z.ZodType = Nothing,
  Body extends z.ZodType = Nothing,
>(
  spec: RouteDescription & Schemas<Params, Query, Body> & { readonly handle: Handle<Params, Query, Body> },
): Route {
  const { params = NOTHING, query = NOTHING, body = NOTHING } = spec;
  // The schemas beside it are what its input is read by, so the types that leave sight here still hold.
  const handle = spec.handle as Route["handle"];
  return { ...spec, params, query, body, takesBody: spec.body !== undefined, handle };
}

/** Routes that belong to a switch: when it is off, each answers 404 with the name of the group. */
export function behindSwitch(isOn: boolean, disabledAs: string, routes: readonly Route[]): Route[] {
  return routes.map((each) => (isOn ? each : { ...each, disabledAs }));
}
