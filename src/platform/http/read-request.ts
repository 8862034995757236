import { readAs, type UnknownFields } from "../../contract/faults.ts";
import type * as z from "zod";
import type { ReadContext } from "./context.ts";
import { readJsonBody } from "../json/read-json.ts";
import type { ProblemDetails, RequestFault } from "./problem.ts";
import { invalidRequest } from "./problem.ts";
import type { Route, RouteInput } from "./route.ts";

/** How strict a deployment is with its callers. */
export type Strictness = {
  readonly unknownFields: UnknownFields;
  /** `create`: for callers older than the rule, who send Idempotency-Key only where something is created. */
  readonly requireIdempotencyKey: "all" | "create";
};

/** A request as the server hands it over: nothing in it is trusted yet. */
export type RawRequest = ReadContext & {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: Buffer | null;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
};

export type ReadRequest =
  | { readonly ok: true; readonly input: RouteInput<unknown, unknown, unknown> }
  | { readonly ok: false; readonly problem: ProblemDetails };

/** Reads all parts of a request. Every fault in any of them is in the one problem that comes back. */
export function readRequest(route: Route, raw: RawRequest, strictness: Strictness): ReadRequest {
  const tree = readTree(route, raw);
  if ("problem" in tree) return { ok: false, problem: tree.problem };
  const faults = [...raw.faults, ...keyFaults(route, raw, strictness)];
  const read = (part: RequestFault["part"], schema: z.ZodType, value: unknown): unknown => {
    const reading = readAs(schema, value, strictness.unknownFields, raw.context);
    if (reading.ok) return reading.value;
    for (const fault of reading.faults) faults.push({ ...fault, part });
    return undefined;
  };
  const params = read("path", route.params, raw.params);
  const query = read("query", route.query, raw.query);
  const body = read("body", route.body, tree.value);
  if (faults.length > 0) return { ok: false, problem: invalidRequest(faults) };
  return { ok: true, input: { context: raw.context, params, query, body } };
}

function keyFaults(route: Route, raw: RawRequest, { requireIdempotencyKey }: Strictness): RequestFault[] {
  if (raw.context.idempotencyKey !== null || route.idempotencyKey === undefined) return [];
  if (route.idempotencyKey === "relaxable" && requireIdempotencyKey === "create") return [];
  // A key that was sent and is malformed was reported as such.
  if (raw.faults.some(({ code }) => code === "IDEMPOTENCY_KEY_INVALID")) return [];
  return [
    { part: "header", path: ["Idempotency-Key"], msg: "is required", code: "IDEMPOTENCY_KEY_REQUIRED" },
  ];
}

type Tree = { readonly value: unknown } | { readonly problem: ProblemDetails };

const EMPTY: Tree = { value: {} };
const UNSUPPORTED: Tree = { problem: { status: 415, detail: "UNSUPPORTED_MEDIA_TYPE" } };
const JSON_MEDIA_TYPE = /^application\/(?:[\w.+-]+\+)?json[ \t]*(?:;|$)/i;

function readTree(route: Route, raw: RawRequest): Tree {
  const isEmpty = raw.body === null || raw.body.length === 0;
  if (isEmpty && !route.takesBody) return EMPTY;
  if (raw.contentEncoding !== undefined && raw.contentEncoding !== "identity") return UNSUPPORTED;
  const hasType = raw.contentType !== undefined;
  if (hasType ? !JSON_MEDIA_TYPE.test(raw.contentType) : !isEmpty) return UNSUPPORTED;
  if (raw.body === null || isEmpty) return malformed("the body is empty");
  const body = readJsonBody(raw.body);
  return body.ok ? { value: body.value } : malformed(body.reason);
}

function malformed(reason: string): Tree {
  const fault: RequestFault = { part: "body", path: [], msg: reason, code: "MALFORMED_JSON" };
  return { problem: { status: 400, detail: "MALFORMED_JSON", faults: [fault] } };
}
