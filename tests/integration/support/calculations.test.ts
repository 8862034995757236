import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { simulateBody } from "../../../scripts/bench/portfolio.ts";
import { RebalanceResult } from "../../../src/contract/rebalance.ts";
import { readRun } from "../../../src/features/runs/read-run.ts";
import { artifactText } from "../../../src/features/runs/derive-artifact.ts";
import { readSupportBundle } from "../../../src/features/support/read-support-bundle.ts";
import { verifyRun } from "../../../src/features/support/verify-run.ts";
import type { Calculations } from "../../../src/platform/threads.ts";
import { wholeText } from "../../../src/platform/text-parts.ts";
import { openTestApp, read, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { act, makeRun, newKey } from "../../support/runs.ts";

const TENANT = "default";
const POSITIONS = 300;
const WHOLE = { include_artifact: true, include_async_operation: true, include_idempotency_history: true };

let db: TestDatabase;
let app: TestApp;
let seen: { name: string; cost: number }[] = [];

/** Calculates what a thread would: from a copy of the input. */
const calculations: Calculations = {
  run: async ({ name, compute }, input, { cost }) => {
    seen.push({ name, cost });
    return Promise.resolve(structuredClone(compute(structuredClone(input))));
  },
};

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
});
afterAll(async () => {
  await app.close();
  await db.drop();
});

/** A run of many positions. */
async function largeRun(): Promise<string> {
  const answer = await app.post("/rebalance/simulate", {
    key: newKey("large"),
    body: simulateBody(POSITIONS),
  });
  return read(RebalanceResult, answer).rebalance_run_id;
}

describe("what is calculated of a stored run is left to a thread where it is large:", () => {
  test("its verification, with all that is stored of it", async () => {
    await app.send("PUT", "/rebalance/policies/catalog/pack", { body: { version: "1" } });
    const reviewed = await makeRun(app, { headers: { "x-policy-pack-id": "pack" } });
    await act(app, reviewed.id, "APPROVE");
    for (const [id, decisions] of [
      [reviewed.id, 1],
      [await largeRun(), 0],
    ] as const) {
      seen = [];
      const there = await verifyRun({ ...app.runtime, calculations }, TENANT, id);
      expect(there).toEqual(await verifyRun(app.runtime, TENANT, id));
      expect(there).toMatchObject({ valid: true, checked: { decisions } });
      expect(seen.map(({ name }) => name)).toEqual(["verify a run"]);
    }
    // It reads and calculates the run again: it takes more than the run did.
    expect(seen[0]?.cost).toBeGreaterThan(POSITIONS);
  });

  test("its artifact, by its route and in the bundle", async () => {
    const value = await largeRun();
    const run = await readRun(app.database, TENANT, { by: "rebalance_run_id", value }, true);
    if (run === undefined) throw new Error("the run is not there");
    seen = [];
    const artifact = await artifactText(calculations, run);
    expect(artifact).toBe((await app.get(`/rebalance/runs/${value}/artifact`)).text);
    const deps = { ...app.runtime, calculations };
    const bundle = await readSupportBundle(deps, TENANT, { by: "rebalance_run_id", value }, WHOLE);
    expect(bundle.kind === "found" && wholeText(bundle.value).includes(`"artifact":${artifact}`)).toBe(true);
    expect(seen.map(({ name }) => name)).toEqual(["make an artifact", "make an artifact"]);
    expect(seen[0]?.cost).toBeGreaterThan(POSITIONS / 2);
    expect(await artifactText(calculations, { ...run, artifact_text: "{}" })).toBe("{}");
    expect(seen).toHaveLength(2);
  });
});
