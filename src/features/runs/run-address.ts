import type { RequestContext } from "../../platform/http/context.ts";
import { pathParams } from "../../platform/http/filters.ts";
import { problemReply, type Reply } from "../../platform/http/problem.ts";
import type { ProblemSpec } from "../../platform/http/route.ts";
import type { Missing } from "./lookup.ts";
import type { RunKey } from "./repository.ts";

type Address = "id" | "correlation_id" | "idempotency_key";

const PARTS = {
  id: { segment: "{rebalance_run_id}", name: "rebalance_run_id", suffix: "", words: "a run" },
  correlation_id: {
    segment: "by-correlation/{correlation_id}",
    name: "correlation_id",
    suffix: "ByCorrelation",
    words: "the latest run of a correlation id",
  },
  idempotency_key: {
    segment: "idempotency/{idempotency_key}",
    name: "idempotency_key",
    suffix: "ByIdempotencyKey",
    words: "the run of a key of simulate",
  },
} as const;

/** One way to name a run in a path. */
export type RunAddress = ReturnType<typeof addressOf>;

function addressOf(base: string, by: Address) {
  const { segment, name, suffix, words } = PARTS[by];
  return {
    by,
    path: `${base}/${segment}`,
    suffix,
    words,
    params: pathParams(name),
    key: (params: Readonly<Partial<Record<typeof name, string>>>): RunKey => ({
      by,
      value: params[name] ?? "",
    }),
  };
}

/** The ways to name a run below a path, for routes that come once for each. */
export function addressed(base: string, ways: readonly Address[]): RunAddress[] {
  return ways.map((by) => addressOf(base, by));
}

const PROBLEMS = {
  run_not_found: { status: 404, detail: "DPM_RUN_NOT_FOUND" },
  key_not_found: { status: 404, detail: "DPM_IDEMPOTENCY_KEY_NOT_FOUND" },
  inconsistent: { status: 503, detail: "DPM_IDEMPOTENCY_STORE_INCONSISTENT", retryAfterSeconds: 1 },
} as const;

export function missingReply(context: RequestContext, missing: Missing["kind"]): Reply {
  return problemReply(context, PROBLEMS[missing]);
}

/** What may be said of a run that is not found by an address. */
export function addressProblems({ by }: RunAddress): ProblemSpec[] {
  return by === "idempotency_key"
    ? [PROBLEMS.key_not_found, PROBLEMS.inconsistent]
    : [PROBLEMS.run_not_found];
}
