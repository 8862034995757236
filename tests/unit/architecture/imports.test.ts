import { fileURLToPath } from "node:url";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import extractDepcruiseConfig from "dependency-cruiser/config-utl/extract-depcruise-config";
import { beforeAll, expect, test } from "vitest";

/** A small tree in which each rule of the imports is broken once. */
const FIXTURE = fileURLToPath(new URL("../../fixtures/imports", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../.dependency-cruiser.js", import.meta.url));
const { forbidden = [] } = await extractDepcruiseConfig(CONFIG);

let violations: { readonly rule: string; readonly from: string }[];

beforeAll(async () => {
  const { output } = await cruise(["src"], {
    ruleSet: { forbidden },
    validate: true,
    baseDir: FIXTURE,
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
  });
  const { summary } = output as ICruiseResult;
  violations = summary.violations.map(({ rule, from }) => ({ rule: rule.name, from }));
});

const BROKEN_BY: Readonly<Record<string, string>> = {
  "decimal-imports-one-way": "src/decimal/decimal.ts",
  "contract-imports-one-way": "src/contract/shape.ts",
  "engine-imports-one-way": "src/engine/pure.ts",
  "platform-imports-one-way": "src/platform/clock.ts",
  "config-imports-one-way": "src/config/config.ts",
  "audit-imports-one-way": "src/features/audit/append-event.ts",
  "policies-imports-one-way": "src/features/policies/find-policy-pack.ts",
  "operations-imports-one-way": "src/features/operations/worker.ts",
  "service-imports-one-way": "src/features/service/readiness.ts",
  "runs-imports-one-way": "src/features/runs/repository.ts",
  "reviews-imports-one-way": "src/features/reviews/review-run.ts",
  "rebalance-imports-one-way": "src/features/rebalance/simulate.ts",
  "waves-imports-one-way": "src/features/waves/create-wave.ts",
  "proposals-imports-one-way": "src/features/proposals/create.ts",
  "support-imports-one-way": "src/features/support/verify-run.ts",
  "events-imports-one-way": "src/features/events/read-feed.ts",
  "reports-imports-one-way": "src/features/reports/report-run.ts",
  "retention-imports-one-way": "src/features/retention/purge.ts",
  "no-cycles": "src/features/retention/one.ts",
  "features-are-assembled-from-the-runtime": "src/features/proposals/create.ts",
  "runtime-knows-no-feature": "src/runtime.ts",
  "threads-open-nothing": "src/thread.ts",
  "plugins-are-registered-not-used": "src/features/operations/worker.ts",
  "core-is-pure": "src/features/runs/core.ts",
  "core-does-no-io": "src/engine/reads-files.ts",
  "repositories-do-not-know-http": "src/features/policies/repository.ts",
  "one-door-to-the-driver": "src/features/retention/purge.ts",
  "the-service-needs-no-development-package": "src/features/retention/measure.ts",
  "the-service-does-not-import-its-tests": "src/features/retention/check.ts",
  "everything-resolves": "src/features/retention/missing.ts",
};

test("every rule has a file that breaks it", () => {
  expect(forbidden.map(({ name }) => name).toSorted()).toEqual(Object.keys(BROKEN_BY).toSorted());
});

test.each(Object.entries(BROKEN_BY))("%s catches %s", (rule, from) => {
  expect(violations).toContainEqual({ rule, from });
});
