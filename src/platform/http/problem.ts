import type { ErrorCode } from "../../contract/error-codes.ts";
import { STATUS_CODES } from "node:http";
import type { Fault } from "../../contract/faults.ts";
import type { Problem } from "../../contract/problem.ts";
import { canonicalJson } from "../json/canonical-json.ts";

export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";
export const JSON_TYPE = "application/json; charset=utf-8";
/** On every answer: no browser takes it for anything else than its type says. */
export const NOSNIFF = { "x-content-type-options": "nosniff" };

/** Where a problem happened: part of every problem. */
export type Occurrence = {
  /** The path of the request. */
  readonly instance: string;
  readonly correlationId: string;
};

/** One fault of a request, with the part that it is in. */
export type RequestFault = Fault & { readonly part: "body" | "path" | "query" | "header" };

/** A problem as it is declared by a route, and as it is answered. */
export type ProblemDetails = {
  readonly status: number;
  /** The stable code that callers rely on. */
  readonly detail: ErrorCode;
  readonly faults?: readonly RequestFault[];
  /** Of a 403: the scopes of which the token lacks one. */
  readonly requiredScopes?: readonly string[];
  /** When to come back. */
  readonly retryAfterSeconds?: number;
  /** Further headers of the answer, in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
};

/** The bytes of a problem (RFC 9457). A refusal that is stored with its key is stored as these. */
export function problemText(
  where: Occurrence,
  { status, detail, faults, requiredScopes }: ProblemDetails,
): string {
  const problem: Problem = {
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    instance: where.instance,
    correlation_id: where.correlationId,
    ...(faults === undefined ? {} : { errors: faults.map(toEntry) }),
    ...(requiredScopes === undefined ? {} : { required_scopes: [...requiredScopes] }),
  };
  return canonicalJson(problem);
}

function toEntry({ part, path, msg, code }: RequestFault) {
  return { loc: [part, ...path], msg, code };
}

/** Codes of the contract that stand for a whole answer when every fault has them. */
const CODES_OF_AN_ANSWER = [
  "PROPOSAL_INVALID_TRADE_INPUT",
  "CURSOR_INVALID",
  "BATCH_TOO_LARGE",
  "DUPLICATE_ID",
  "ACTOR_INVALID",
] as const;

/** A key that is missing or malformed names the answer, whatever else is wrong. */
const CODES_THAT_LEAD = ["IDEMPOTENCY_KEY_REQUIRED", "IDEMPOTENCY_KEY_INVALID"] as const;

/** The 422 that lists every fault of a request. */
export function invalidRequest(faults: readonly RequestFault[]): ProblemDetails {
  return { status: 422, detail: codeOfAll(faults), faults };
}

function codeOfAll(faults: readonly RequestFault[]): ErrorCode {
  for (const { code } of faults) {
    const leading = CODES_THAT_LEAD.find((known) => known === code);
    if (leading !== undefined) return leading;
  }
  const shared = CODES_OF_AN_ANSWER.find((known) => faults.every(({ code }) => code === known));
  return faults.length > 0 && shared !== undefined ? shared : "VALIDATION_FAILED";
}
