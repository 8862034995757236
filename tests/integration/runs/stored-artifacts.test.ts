import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BatchRebalanceResult } from "../../../src/contract/rebalance.ts";
import {
  DpmAsyncAcceptedResponse,
  DpmAsyncOperationStatusResponse,
} from "../../../src/features/operations/schemas.ts";
import { canonicalJson } from "../../../src/platform/json/canonical-json.ts";
import { contentHash } from "../../../src/platform/hash.ts";
import { DpmRunArtifactResponse } from "../../../src/features/runs/schemas.ts";
import {
  DpmRunSupportBundleResponse,
  DpmRunVerificationResponse,
} from "../../../src/features/support/schemas.ts";
import { openTestApp, read, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { makeRun, NEEDS_REVIEW, newKey, rebalanceBody } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let storing: TestApp;
let deriving: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  storing = await openTestApp(db.url, {
    DPM_ARTIFACT_STORE_MODE: "PERSISTED",
    DPM_ASYNC_EXECUTION_MODE: "INLINE",
  });
  deriving = await openTestApp(db.url);
});

afterAll(async () => {
  await storing.close();
  await deriving.close();
  await db.drop();
});

async function storedArtifact(runId: string): Promise<string | null> {
  const { rows } = await withSession(db.adminUrl, (session) =>
    session.query<{ artifact_text: string | null }>(
      "select artifact_text from run_payload where rebalance_run_id = $1",
      [runId],
    ),
  );
  if (rows[0] === undefined) throw new Error(`no documents of ${runId}`);
  return rows[0].artifact_text;
}

/** Changes the stored artifact as the owner of the database can who has switched off every trigger. */
async function alterArtifact(runId: string, expression: string): Promise<void> {
  await withSession(db.adminUrl, async (session) => {
    await session.query("begin; set local session_replication_role = replica");
    await session.query(`update run_payload set artifact_text = ${expression} where rebalance_run_id = $1`, [
      runId,
    ]);
    await session.query("commit");
  });
}

async function artifactOf(app: TestApp, runId: string): Promise<string> {
  const answer = await app.get(`/rebalance/runs/${runId}/artifact`);
  read(DpmRunArtifactResponse, answer);
  return answer.text;
}

async function verify(runId: string): Promise<DpmRunVerificationResponse> {
  return read(DpmRunVerificationResponse, await deriving.get(`/rebalance/runs/${runId}/verify`));
}

/** A run of each way to make one: simulated, shaped by a policy pack, of an analysis, of an operation. */
async function makeRuns(app: TestApp): Promise<Record<string, string>> {
  await app.send("PUT", "/rebalance/policies/catalog/pack-artifact", {
    body: { version: "1", turnover_policy: { max_turnover_pct: "0.2" } },
  });
  const { options: _, ...inputs } = rebalanceBody();
  const body = { ...inputs, scenarios: { base: {}, capped: { options: NEEDS_REVIEW } } };
  const analysis = await app.post("/rebalance/analyze", { key: newKey("analysis"), body });
  const accepted = await app.post("/rebalance/analyze/async", { key: newKey("operation"), body });
  const { status_url } = read(DpmAsyncAcceptedResponse, accepted);
  const { result } = read(DpmAsyncOperationStatusResponse, await app.get(status_url));
  const idsIn = ({ results }: BatchRebalanceResult) =>
    Object.values(results).map((scenario) => scenario.rebalance_run_id);
  const [atOnce, later] = [
    idsIn(read(BatchRebalanceResult, analysis)),
    idsIn(BatchRebalanceResult.parse(result)),
  ];
  return {
    simulated: (await makeRun(app)).id,
    shaped: (await makeRun(app, { headers: { "x-policy-pack-id": "pack-artifact" } })).id,
    analyzed: String(atOnce[0]),
    analyzedUnderReview: String(atOnce[1]),
    operated: String(later[0]),
  };
}

describe("with DPM_ARTIFACT_STORE_MODE=PERSISTED", () => {
  test("every run has its artifact stored: the very bytes that either mode answers, or would have made", async () => {
    for (const [way, id] of Object.entries(await makeRuns(storing))) {
      const stored = await storedArtifact(id);
      expect(stored, way).not.toBeNull();
      expect(await artifactOf(storing, id), way).toBe(stored);
      expect(await artifactOf(deriving, id), way).toBe(stored);
      expect(await verify(id), way).toMatchObject({ valid: true, checked: { artifacts: 1 } });
      await alterArtifact(id, "null");
      expect(await artifactOf(storing, id), way).toBe(stored);
      expect(await artifactOf(deriving, id), way).toBe(stored);
    }
  });

  test("what is stored is what is shown, by its route and in the bundle", async () => {
    const { id } = await makeRun(storing);
    await alterArtifact(id, `replace(artifact_text, '"artifact_version":"1.0"', '"artifact_version":"x"')`);
    for (const app of [storing, deriving]) {
      expect(await artifactOf(app, id)).toContain('"artifact_version":"x"');
      const bundle = await app.get(`/rebalance/runs/${id}/support-bundle`);
      expect(read(DpmRunSupportBundleResponse, bundle).artifact?.artifact_version).toBe("x");
    }
  });

  test("the bundle of an operation shows the stored artifact too", async () => {
    const { options: _, ...inputs } = rebalanceBody();
    const accepted = await storing.post("/rebalance/analyze/async", {
      key: newKey("operation"),
      body: { ...inputs, scenarios: { base: {} } },
    });
    const path = `by-operation/${read(DpmAsyncAcceptedResponse, accepted).operation_id}/support-bundle`;
    const before = read(DpmRunSupportBundleResponse, await storing.get(`/rebalance/runs/${path}`));
    const id = before.run.rebalance_run_id;
    await alterArtifact(id, `replace(artifact_text, '"artifact_version":"1.0"', '"artifact_version":"x"')`);
    const after = read(DpmRunSupportBundleResponse, await storing.get(`/rebalance/runs/${path}`));
    expect([before.artifact?.artifact_version, after.artifact?.artifact_version]).toEqual(["1.0", "x"]);
  });

  test("the run and its artifact stand or fall together", async () => {
    await withSession(db.adminUrl, (session) =>
      session.query(
        "alter table run_payload add constraint no_artifact check (artifact_text is null) not valid",
      ),
    );
    const key = newKey("torn");
    const failed = await storing.post("/rebalance/simulate", { key, body: rebalanceBody() });
    await withSession(db.adminUrl, (session) =>
      session.query("alter table run_payload drop constraint no_artifact"),
    );
    expect(failed.status).toBe(500);
    expect((await storing.get(`/rebalance/runs/idempotency/${key}`)).status).toBe(404);
    const again = await storing.post("/rebalance/simulate", { key, body: rebalanceBody() });
    expect([again.status, again.headers["idempotent-replayed"]]).toEqual([200, undefined]);
  });

  test("an altered artifact is named, also where its own hash was made to fit", async () => {
    const { id } = await makeRun(storing);
    const artifact = read(DpmRunArtifactResponse, await storing.get(`/rebalance/runs/${id}/artifact`));
    const named = [
      {
        kind: "artifact",
        id: `dra_${id.slice("rr_".length)}`,
        reason: "is not what its run and its documents give",
      },
    ];
    await alterArtifact(id, "replace(artifact_text, 'pf_review', 'pf_forged')");
    expect(await verify(id)).toMatchObject({ valid: false, failures: named });
    const { artifact_hash: _, ...hashes } = artifact.evidence.hashes;
    const forged = { ...artifact, portfolio_id: "pf_forged", evidence: { ...artifact.evidence, hashes } };
    const hash = contentHash(canonicalJson(forged));
    const evidence = { ...artifact.evidence, hashes: { ...hashes, artifact_hash: hash } };
    await alterArtifact(id, `'${canonicalJson({ ...forged, evidence }).replaceAll("'", "''")}'`);
    expect(await verify(id)).toMatchObject({ valid: false, failures: named });
    await alterArtifact(id, "'not even JSON'");
    expect(await verify(id)).toMatchObject({ valid: false, failures: named });
  });
});

describe("with DPM_ARTIFACT_STORE_MODE=DERIVED", () => {
  test("no artifact is stored, and there is none to verify", async () => {
    const { id } = await makeRun(deriving);
    expect(await storedArtifact(id)).toBeNull();
    expect(await verify(id)).toMatchObject({ valid: true, checked: { artifacts: 0 } });
    expect(await artifactOf(storing, id)).toBe(await artifactOf(deriving, id));
    expect(await storedArtifact(id)).toBeNull();
  });
});
