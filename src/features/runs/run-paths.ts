import type { ProblemDetails } from "../../platform/http/problem.ts";
import type { MissingRun } from "./missing-run.ts";
import type { RunKey } from "./repository.ts";

/** The ways to name a run in a path. What there is below a run, there is below each of them. */
export const RUN_PATHS = [
  {
    by: "rebalance_run_id",
    path: "/rebalance/runs/:rebalance_run_id",
    /** Of the operation ids. */
    suffix: "",
    words: "a run",
  },
  {
    by: "correlation_id",
    path: "/rebalance/runs/by-correlation/:correlation_id",
    suffix: "ByCorrelation",
    words: "the latest run of a correlation id",
  },
  {
    by: "idempotency_key",
    path: "/rebalance/runs/idempotency/:idempotency_key",
    suffix: "ByIdempotencyKey",
    words: "the run of a key of simulate",
  },
] as const;

export type RunPath = (typeof RUN_PATHS)[number];

/** A run as such a path names it: `by` is the path's, and its parameter. */
export type PathRunKey = RunKey<RunPath["by"]>;

/** What is answered where there is no run. */
export const MISSING_RUN: Readonly<Record<MissingRun["kind"], ProblemDetails>> = {
  run_not_found: { status: 404, detail: "DPM_RUN_NOT_FOUND" },
  key_not_found: { status: 404, detail: "DPM_IDEMPOTENCY_KEY_NOT_FOUND" },
  inconsistent: { status: 503, detail: "DPM_IDEMPOTENCY_STORE_INCONSISTENT", retryAfterSeconds: 1 },
};

/** Those of them that a path may end in. */
export function missingRunProblems({ by }: RunPath): ProblemDetails[] {
  return by === "idempotency_key"
    ? [MISSING_RUN.key_not_found, MISSING_RUN.inconsistent]
    : [MISSING_RUN.run_not_found];
}
