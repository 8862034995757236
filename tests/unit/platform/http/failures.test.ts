import { describe, expect, test } from "vitest";
import { DatabaseError, type DatabaseFaultKind } from "../../../../src/platform/database/errors.ts";
import { toFailure } from "../../../../src/platform/http/failures.ts";
import { invalidRequest, problemText, type RequestFault } from "../../../../src/platform/http/problem.ts";
import { describeError } from "../../../../src/platform/log.ts";

const WHERE = { instance: "/rebalance/simulate", correlationId: "corr_1" };

function databaseError(kind: DatabaseFaultKind): DatabaseError {
  const isConstraint = kind === "unique_violation" || kind === "constraint_violation";
  const fault = isConstraint
    ? { kind, constraint: "run_pkey", table: "run", sqlState: "23505" }
    : { kind, sqlState: null };
  return new DatabaseError(fault, "duplicate key (portfolio_id)=(pf_secret)");
}

describe("faults of the database", () => {
  test.each([
    ["unavailable", "DATABASE_UNAVAILABLE"],
    ["connection_lost", "DATABASE_UNAVAILABLE"],
    ["commit_outcome_unknown", "OUTCOME_UNKNOWN"],
    ["overloaded", "SERVICE_OVERLOADED"],
    ["deadline_exceeded", "DEADLINE_EXCEEDED"],
    ["lock_timeout", "DATABASE_BUSY"],
    ["statement_timeout", "DATABASE_BUSY"],
    ["serialization_failure", "DATABASE_BUSY"],
    ["deadlock", "DATABASE_BUSY"],
    ["stale_statement", "DATABASE_BUSY"],
    ["read_only", "DATABASE_READ_ONLY"],
    ["disk_full", "DATABASE_DISK_FULL"],
    ["out_of_memory", "DATABASE_OUT_OF_MEMORY"],
    ["too_many_connections", "DATABASE_TOO_MANY_CONNECTIONS"],
    ["restarting", "DATABASE_RESTARTING"],
  ] as const)("%s passes: 503 %s, with the time to come back", (kind, detail) => {
    const failure = toFailure(databaseError(kind));
    expect(failure).toMatchObject({ status: 503, detail, isOurs: false });
    expect(failure.retryAfterSeconds).toBeGreaterThan(0);
  });

  test.each([
    "unique_violation",
    "constraint_violation",
    "not_permitted",
    "transaction_over",
    "rejected",
  ] as const)("%s is a mistake of ours: 500", (kind) => {
    expect(toFailure(databaseError(kind))).toEqual({ status: 500, detail: "INTERNAL_ERROR", isOurs: true });
  });
});

describe("other errors", () => {
  test.each([
    new Error("secret"),
    "secret",
    null,
    { statusCode: 404 },
    Object.assign(new Error(), { statusCode: 503 }),
  ])("are 500 without a word of theirs", (error) => {
    expect(problemText(WHERE, toFailure(error))).toBe(
      '{"correlation_id":"corr_1","detail":"INTERNAL_ERROR","instance":"/rebalance/simulate","status":500,"title":"Internal Server Error","type":"about:blank"}',
    );
  });

  test("that the framework calls the caller's fault keep their status", () => {
    const error = Object.assign(new Error("secret"), { statusCode: 400, code: "FST_ERR_SOMETHING" });
    expect(toFailure(error)).toEqual({ status: 400, detail: "MALFORMED_REQUEST", isOurs: false });
  });
});

describe("the detail of a refused request", () => {
  const fault = (code: string): RequestFault => ({ part: "body", path: ["a"], msg: code, code });
  const TRADE = fault("PROPOSAL_INVALID_TRADE_INPUT");
  const CURSOR = fault("CURSOR_INVALID");
  const KEY = fault("IDEMPOTENCY_KEY_REQUIRED");
  const OTHER = fault("REQUIRED");

  test.each([
    ["the code that every fault has", [TRADE, TRADE], "PROPOSAL_INVALID_TRADE_INPUT"],
    ["the code of a cursor", [CURSOR], "CURSOR_INVALID"],
    ["general, when one fault has another code", [TRADE, OTHER], "VALIDATION_FAILED"],
    ["general, when two codes are mixed", [TRADE, CURSOR], "VALIDATION_FAILED"],
    ["general, for codes that only tell where to look", [OTHER, OTHER], "VALIDATION_FAILED"],
    ["that of the key, whatever else is wrong", [OTHER, KEY, TRADE], "IDEMPOTENCY_KEY_REQUIRED"],
  ])("is %s", (_name, faults, detail) => {
    expect(invalidRequest(faults)).toEqual({ status: 422, detail, faults });
  });

  test("every fault is an entry with its part and path", () => {
    const text = problemText(
      WHERE,
      invalidRequest([{ part: "body", path: ["a", 0], msg: "is required", code: "REQUIRED" }]),
    );
    expect(JSON.parse(text)).toMatchObject({
      errors: [{ loc: ["body", "a", 0], msg: "is required", code: "REQUIRED" }],
    });
  });
});

describe("a logged error", () => {
  test("has its type, message, code, stack and causes, and nothing else", () => {
    const cause = Object.assign(new Error("connect postgres://ballast:hunter2@db/x failed"), {
      query: "insert into run",
      parameters: ["pf_secret"],
    });
    const logged = describeError(
      Object.assign(new Error("lost", { cause }), { code: "E1", detail: "Key=(pf_secret)" }),
    );
    expect(Object.keys(logged).sort()).toEqual(["cause", "code", "message", "stack", "type"]);
    expect(logged).toMatchObject({ type: "Error", message: "lost", code: "E1" });
    expect(logged.cause?.message).toBe("connect postgres://ballast:[redacted]@db/x failed");
    expect(JSON.stringify(logged)).not.toMatch(/pf_secret|hunter2|insert into/);
  });

  test("that is none is told apart, and a chain of causes ends", () => {
    expect(describeError("secret")).toEqual({
      type: "string",
      message: "something else than an Error was thrown",
    });
    const endless = new Error("a");
    endless.cause = endless;
    expect(JSON.stringify(describeError(endless))).toContain('"message":"a"');
  });
});
