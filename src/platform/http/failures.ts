import type { ErrorCode } from "../../contract/error-codes.ts";
import type { DatabaseFaultKind } from "../database/errors.ts";
import { databaseFault } from "../database/errors.ts";
import { CalculationError } from "../threads.ts";
import type { ProblemDetails } from "./problem.ts";

/** What an error means for the caller; `isOurs` errors are mistakes of this service and belong in the log. */
export type Failure = ProblemDetails & { readonly isOurs: boolean };

const INTERNAL: Failure = { status: 500, detail: "INTERNAL_ERROR", isOurs: true };

const SOON_SECONDS = 1;
const LATER_SECONDS = 5;

function unavailable(detail: ErrorCode, retryAfterSeconds: number): Failure {
  return { status: 503, detail, retryAfterSeconds, isOurs: false };
}

/** It was written or it was not: the same request with the same key tells, and writes it where it was not. */
export const OUTCOME_UNKNOWN: Failure = unavailable("OUTCOME_UNKNOWN", SOON_SECONDS);

/** There is more to do than can be done in time, or held. Nothing was begun. */
export const OVERLOADED: Failure = unavailable("OVERLOADED", SOON_SECONDS);

/** Faults that pass: the caller comes back. The others are mistakes of ours. */
const BY_DATABASE_FAULT: ReadonlyMap<DatabaseFaultKind, Failure> = new Map([
  ["unavailable", unavailable("DATABASE_UNAVAILABLE", LATER_SECONDS)],
  ["connection_lost", unavailable("DATABASE_UNAVAILABLE", SOON_SECONDS)],
  ["commit_outcome_unknown", OUTCOME_UNKNOWN],
  ["overloaded", unavailable("SERVICE_OVERLOADED", SOON_SECONDS)],
  ["deadline_exceeded", unavailable("DEADLINE_EXCEEDED", SOON_SECONDS)],
  ["lock_timeout", unavailable("DATABASE_BUSY", SOON_SECONDS)],
  ["statement_timeout", unavailable("DATABASE_BUSY", SOON_SECONDS)],
  ["serialization_failure", unavailable("DATABASE_BUSY", SOON_SECONDS)],
  ["deadlock", unavailable("DATABASE_BUSY", SOON_SECONDS)],
  ["stale_statement", unavailable("DATABASE_BUSY", SOON_SECONDS)],
  ["read_only", unavailable("DATABASE_READ_ONLY", LATER_SECONDS)],
  ["disk_full", unavailable("DATABASE_DISK_FULL", LATER_SECONDS)],
  ["out_of_memory", unavailable("DATABASE_OUT_OF_MEMORY", LATER_SECONDS)],
  ["too_many_connections", unavailable("DATABASE_TOO_MANY_CONNECTIONS", LATER_SECONDS)],
  ["restarting", unavailable("DATABASE_RESTARTING", SOON_SECONDS)],
]);

/** Nothing of it was written. */
const BY_CALCULATION_ERROR: Readonly<Record<CalculationError["kind"], Failure>> = {
  overloaded: OVERLOADED,
  cancelled: unavailable("DEADLINE_EXCEEDED", SOON_SECONDS),
};

/** Errors that are raised before a route is reached, or when its handler takes too long. */
const BY_FASTIFY_CODE: ReadonlyMap<string, Failure> = new Map([
  ["FST_ERR_CTP_BODY_TOO_LARGE", callersFault(413, "PAYLOAD_TOO_LARGE")],
  [
    "FST_ERR_CTP_INVALID_MEDIA_TYPE",
    { ...unsupportedMediaType("Content-Type", "must be a media type: application/json"), isOurs: false },
  ],
  ["FST_ERR_BAD_URL", callersFault(400, "MALFORMED_URL")],
  ["FST_ERR_MAX_PARAM_LENGTH", callersFault(414, "URL_TOO_LONG")],
  ["FST_ERR_ASYNC_CONSTRAINT", callersFault(400, "MALFORMED_REQUEST")],
  ["FST_ERR_HANDLER_TIMEOUT", unavailable("DEADLINE_EXCEEDED", SOON_SECONDS)],
]);

/** A body in a form that is not read, with the header that says so. */
export function unsupportedMediaType(header: string, msg: string): ProblemDetails {
  const code = "UNSUPPORTED_MEDIA_TYPE";
  return { status: 415, detail: code, faults: [{ part: "header", path: [header], msg, code }] };
}

function callersFault(status: number, detail: ErrorCode): Failure {
  return { status, detail, isOurs: false };
}

/** The one place where a thrown error becomes an answer. Nothing of the error itself reaches the caller. */
export function toFailure(error: unknown): Failure {
  const fault = databaseFault(error);
  if (fault !== undefined) return BY_DATABASE_FAULT.get(fault.kind) ?? INTERNAL;
  if (error instanceof CalculationError) return BY_CALCULATION_ERROR[error.kind];
  return BY_FASTIFY_CODE.get(codeOf(error)) ?? byStatus(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Errors of Fastify that are the caller's fault say so with a 4xx; Node says it of a request that broke off. */
function byStatus(error: unknown): Failure {
  if (codeOf(error) === "ECONNRESET") return callersFault(400, "MALFORMED_REQUEST");
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  const isCallers = typeof status === "number" && status >= 400 && status < 500;
  return isCallers ? callersFault(status, "MALFORMED_REQUEST") : INTERNAL;
}
