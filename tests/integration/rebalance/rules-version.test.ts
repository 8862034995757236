import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ProposalArtifact } from "../../../src/contract/artifact.ts";
import { ProposalResult } from "../../../src/contract/proposal.ts";
import { BatchRebalanceResult, RebalanceResult } from "../../../src/contract/rebalance.ts";
import { ProposalVerificationResponse } from "../../../src/features/proposals/read-schemas.ts";
import { ProposalCreateResponse } from "../../../src/features/proposals/schemas.ts";
import { DpmRunReproduceResponse } from "../../../src/features/runs/schemas.ts";
import { DpmRunVerificationResponse } from "../../../src/features/support/schemas.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { simulateBody } from "../../support/proposals.ts";
import { newKey, rebalanceBody } from "../../support/runs.ts";

/* The same database under a deployment whose default is version 1, and under one whose default is version 2. */
let db: TestDatabase;
let one: TestApp;
let two: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  one = await openTestApp(db.url);
  two = await openTestApp(db.url, { DEFAULT_RULES_VERSION: "2" });
});

afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
  await db.drop();
});

const simulate = (app: TestApp, body: unknown, key = newKey(), headers: Record<string, string> = {}) =>
  app.post("/rebalance/simulate", { key, headers, body });

function lineageOf(answer: Received): RebalanceResult["lineage"] {
  return read(RebalanceResult, answer).lineage;
}

/** A position that is listed twice. */
function withDuplicate(options: Readonly<Record<string, unknown>> = {}) {
  const body = rebalanceBody(options);
  const { portfolio_snapshot: held } = body;
  return {
    ...body,
    portfolio_snapshot: { ...held, positions: [...held.positions, { instrument_id: "EQ_1", quantity: "1" }] },
  };
}

const DUPLICATE = {
  code: "DUPLICATE_ID",
  loc: ["body", "portfolio_snapshot", "positions", 1, "instrument_id"],
};

describe("the rules version of a run", () => {
  test("is that of the request, else of the deployment, and the lineage says which", async () => {
    const versionOf = async (app: TestApp, options: Readonly<Record<string, unknown>>) =>
      lineageOf(await simulate(app, rebalanceBody(options))).rules_version;
    expect(await versionOf(one, {})).toBe("1");
    expect(await versionOf(one, { rules_version: "2" })).toBe("2");
    expect(await versionOf(two, {})).toBe("2");
    expect(await versionOf(two, { rules_version: "1" })).toBe("1");
  });

  test("of a policy pack goes before both", async () => {
    for (const [id, rules_version] of [
      ["old-rules", "1"],
      ["new-rules", "2"],
    ] as const) {
      const body = { version: "v1", rules_policy: { rules_version } };
      expect((await one.send("PUT", `/rebalance/policies/catalog/${id}`, { body })).status).toBe(200);
    }
    const under = async (app: TestApp, pack: string, options = {}) =>
      lineageOf(await simulate(app, rebalanceBody(options), newKey(), { "x-policy-pack-id": pack }))
        .rules_version;
    expect(await under(one, "new-rules")).toBe("2");
    expect(await under(two, "old-rules")).toBe("1");
    expect(await under(one, "old-rules", { rules_version: "2" })).toBe("1");
  });

  test("is part of the request hash where the request names it, and only there", async () => {
    const hashes = await Promise.all([
      simulate(one, rebalanceBody()),
      simulate(two, rebalanceBody()),
      simulate(one, rebalanceBody({ rules_version: "1" })),
      simulate(one, rebalanceBody({ rules_version: "2" })),
    ]);
    const [byDefault, byOther, first, second] = hashes.map((answer) => lineageOf(answer).request_hash);
    expect(byOther).toBe(byDefault);
    expect(new Set([byDefault, first, second]).size).toBe(3);
  });

  test("that is none is refused", async () => {
    const refused = await simulate(one, rebalanceBody({ rules_version: "3" }));
    expect(refused.status).toBe(422);
    expect(refused.json).toMatchObject({ errors: [{ loc: ["body", "options", "rules_version"] }] });
  });

  test("of a stored answer stays, whatever the default has become", async () => {
    const key = newKey();
    const first = await simulate(one, rebalanceBody(), key);
    const again = await simulate(two, rebalanceBody(), key);
    expect(again.text).toBe(first.text);
    expect(lineageOf(again).rules_version).toBe("1");
    expect(again.headers["idempotent-replayed"]).toBe("true");
    const other = await simulate(two, rebalanceBody({ rules_version: "2" }), key);
    expect(refusalOf(other)).toBe("409 IDEMPOTENCY_KEY_CONFLICT: request hash mismatch");
  });

  test("reproduces and verifies it under either default", async () => {
    for (const made of [one, two]) {
      const { rebalance_run_id: id } = read(RebalanceResult, await simulate(made, rebalanceBody()));
      for (const app of [one, two]) {
        const again = read(DpmRunReproduceResponse, await app.post(`/rebalance/runs/${id}/reproduce`, {}));
        expect(again).toMatchObject({ differences: [], reproducible: true });
        expect(read(DpmRunVerificationResponse, await app.get(`/rebalance/runs/${id}/verify`)).valid).toBe(
          true,
        );
      }
    }
  });
});

describe("what is listed twice", () => {
  test("is a fault of the body under version 2, at the second", async () => {
    const refused = await simulate(one, withDuplicate({ rules_version: "2" }));
    expect(refused.status).toBe(422);
    expect(refused.json).toMatchObject({ detail: "DUPLICATE_ID", errors: [DUPLICATE] });
    expect((await simulate(one, withDuplicate())).status).toBe(200);
  });

  test("is refused alike where the deployment or a pack chooses version 2, and leaves the key free", async () => {
    const key = newKey();
    const refused = await simulate(two, withDuplicate(), key);
    expect(refused.status).toBe(422);
    expect(refused.json).toMatchObject({ detail: "DUPLICATE_ID", errors: [DUPLICATE] });
    expect(lineageOf(await simulate(one, withDuplicate(), key)).rules_version).toBe("1");
    // What was answered once is answered again, also where it would be refused now.
    expect((await simulate(two, withDuplicate(), key)).status).toBe(200);
    const body = { version: "v1", rules_policy: { rules_version: "2" } };
    await one.send("PUT", "/rebalance/policies/catalog/strict", { body });
    const packed = await simulate(one, withDuplicate(), newKey(), { "x-policy-pack-id": "strict" });
    expect(refusalOf(packed)).toBe("422 DUPLICATE_ID");
  });

  test("fails the scenarios of a batch that run under version 2, and no others", async () => {
    const { options: _, ...inputs } = withDuplicate();
    const scenarios = { new_rules: { options: { rules_version: "2" } }, old_rules: { options: {} } };
    const batch = read(
      BatchRebalanceResult,
      await one.post("/rebalance/analyze", { body: { ...inputs, scenarios } }),
    );
    expect(Object.keys(batch.results)).toEqual(["old_rules"]);
    expect(batch.failed_scenarios["new_rules"]).toBe(
      "DUPLICATE_ID: portfolio_snapshot.positions.1.instrument_id is listed before",
    );
  });
});

test("analyze shows one portfolio under both versions", async () => {
  const { options: _, ...inputs } = rebalanceBody();
  const scenarios = { v1: { options: { rules_version: "1" } }, v2: { options: { rules_version: "2" } } };
  const { results } = read(
    BatchRebalanceResult,
    await one.post("/rebalance/analyze", { body: { ...inputs, scenarios } }),
  );
  expect(Object.values(results).map(({ lineage }) => lineage.rules_version)).toEqual(["1", "2"]);
});

describe("a proposal", () => {
  const create = (app: TestApp) => ({
    body: { created_by: "maker", simulate_request: simulateBody() },
    app,
  });

  test("is simulated and packaged by the version in force, which its artifact names", async () => {
    for (const [app, version] of [
      [one, "1"],
      [two, "2"],
    ] as const) {
      const key = newKey();
      const sent = { key, body: simulateBody() };
      const result = read(ProposalResult, await app.post("/rebalance/proposals/simulate", sent));
      expect(result.lineage.rules_version).toBe(version);
      const artifact = read(ProposalArtifact, await app.post("/rebalance/proposals/artifact", sent));
      expect(artifact.assumptions_and_limits.rules_version).toBe(version === "1" ? undefined : "2");
      expect(artifact.evidence_bundle.engine_outputs.proposal_result).toMatchObject({
        lineage: { rules_version: version },
      });
    }
  });

  test("verifies under either default", async () => {
    for (const made of [one, two]) {
      const { body } = create(made);
      const created = read(
        ProposalCreateResponse,
        await made.post("/rebalance/proposals", { key: newKey(), body }),
      );
      for (const app of [one, two]) {
        const verified = await app.get(`/rebalance/proposals/${created.proposal.proposal_id}/verify`);
        expect(read(ProposalVerificationResponse, verified).valid).toBe(true);
      }
    }
  });

  test("with a position that is listed twice is refused under version 2", async () => {
    const simulate_request = simulateBody();
    const { portfolio_snapshot: held } = simulate_request;
    const cash = [...held.cash_balances, ...held.cash_balances];
    const body = {
      created_by: "maker",
      simulate_request: { ...simulate_request, portfolio_snapshot: { ...held, cash_balances: cash } },
    };
    const refused = await two.post("/rebalance/proposals", { key: newKey(), body });
    expect(refused.json).toMatchObject({
      detail: "DUPLICATE_ID",
      errors: [{ loc: ["body", "simulate_request", "portfolio_snapshot", "cash_balances", 1, "currency"] }],
    });
    expect((await one.post("/rebalance/proposals", { key: newKey(), body })).status).toBe(200);
  });
});
