import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { simulateBody } from "../../support/proposals.ts";
import { newKey as newIdempotencyKey, rebalanceBody } from "../../support/runs.ts";
import {
  bearer,
  newKey,
  startIssuer,
  tokenEnv,
  type SigningKey,
  type TestIssuer,
} from "../../support/tokens.ts";

const Run = z.object({ rebalance_run_id: z.string() });
const Created = z.object({ proposal: z.object({ proposal_id: z.string() }) });

let db: TestDatabase;
let issuer: TestIssuer;
let key: SigningKey;
let app: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  key = await newKey("key_1");
  issuer = await startIssuer([key]);
  app = await openTestApp(db.url, tokenEnv(issuer));
});
afterAll(async () => {
  await app.close();
  await issuer.close();
  await db.drop();
});

describe("a stored answer", () => {
  test("is for callers with the scope alone: without it, or without a token, it is not replayed", async () => {
    const sent = { key: newIdempotencyKey(), body: rebalanceBody() };
    const as = async (scopes: string[]) => ({ ...sent, headers: await bearer(key, scopes) });
    const first = await app.post("/rebalance/simulate", await as(["rebalance:run"]));
    expect(first.status).toBe(200);
    const other = await app.post("/rebalance/simulate", await as(["rebalance:read"]));
    expect([refusalOf(other), other.headers["idempotent-replayed"]]).toEqual(["403 FORBIDDEN", undefined]);
    expect(refusalOf(await app.post("/rebalance/simulate", sent))).toBe("401 UNAUTHENTICATED");
    const again = await app.post("/rebalance/simulate", await as(["rebalance:run"]));
    expect([again.text, again.headers["idempotent-replayed"]]).toEqual([first.text, "true"]);
  });

  test("of an event is for callers with the scope of that event", async () => {
    const advisor = await bearer(key, ["proposals:write"]);
    const { proposal } = read(
      Created,
      await app.post("/rebalance/proposals", {
        key: newIdempotencyKey(),
        headers: advisor,
        body: { created_by: "advisor_1", simulate_request: simulateBody() },
      }),
    );
    const submitted = {
      key: newIdempotencyKey(),
      body: { event_type: "SUBMITTED_FOR_RISK_REVIEW", actor_id: "advisor_1", expected_state: "DRAFT" },
    };
    const url = `/rebalance/proposals/${proposal.proposal_id}/transitions`;
    expect((await app.post(url, { ...submitted, headers: advisor })).status).toBe(200);
    const others = ["proposals:read", "proposals:approve:risk", "proposals:execute"];
    const refused = await app.post(url, { ...submitted, headers: await bearer(key, others) });
    expect([refusalOf(refused), refused.headers["idempotent-replayed"]]).toEqual([
      "403 FORBIDDEN",
      undefined,
    ]);
    const again = await app.post(url, { ...submitted, headers: advisor });
    expect([again.status, again.headers["idempotent-replayed"]]).toEqual([200, "true"]);
  });
});

describe("a tenant", () => {
  test("sees its own data, by its token alone", async () => {
    const scopes = ["rebalance:run", "rebalance:read"];
    const own = await bearer(key, scopes);
    const others = await bearer(key, scopes, { tenant_id: "other" });
    const sent = { key: newIdempotencyKey(), body: rebalanceBody() };
    const { rebalance_run_id: id } = read(
      Run,
      await app.post("/rebalance/simulate", { ...sent, headers: own }),
    );
    expect((await app.get(`/rebalance/runs/${id}`, own)).status).toBe(200);
    expect(refusalOf(await app.get(`/rebalance/runs/${id}`, others))).toBe("404 DPM_RUN_NOT_FOUND");
    const posing = { ...others, "x-tenant-id": "demo" };
    expect(refusalOf(await app.get(`/rebalance/runs/${id}`, posing))).toBe("403 TENANT_MISMATCH");
    const elsewhere = await app.post("/rebalance/simulate", { ...sent, headers: others });
    expect(elsewhere.headers["idempotent-replayed"]).toBeUndefined();
    expect(read(Run, elsewhere).rebalance_run_id).not.toBe(id);
  });
});

describe("a group that is switched off", () => {
  test("says so to those alone who could use it", async () => {
    const closed = await openTestApp(db.url, { ...tokenEnv(issuer), DPM_SUPPORT_APIS_ENABLED: "false" });
    expect(refusalOf(await closed.get("/rebalance/runs"))).toBe("401 UNAUTHENTICATED");
    expect(refusalOf(await closed.get("/rebalance/runs", await bearer(key, [])))).toBe("403 FORBIDDEN");
    const answer = await closed.get("/rebalance/runs", await bearer(key, ["rebalance:read"]));
    expect(refusalOf(answer)).toBe("404 DPM_SUPPORT_APIS_DISABLED");
    await closed.close();
  });
});
