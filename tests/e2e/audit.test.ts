import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditEventListResponse, AuditVerificationResponse } from "../../src/features/audit/schemas.ts";
import { storedChain } from "../support/audit.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";
import {
  bearer,
  newKey,
  startIssuer,
  tokenEnv,
  type SigningKey,
  type TestIssuer,
} from "../support/tokens.ts";
import { startWorkerProcess } from "../support/worker.ts";

let db: TestDatabase;
let key: SigningKey;
let issuer: TestIssuer;
let services: RunningService[];

beforeAll(async () => {
  db = await testDatabase();
  key = await newKey("key_1");
  issuer = await startIssuer([key]);
  const env = { ...serviceEnv(db), ...tokenEnv(issuer), DPM_SUPPORTABILITY_RETENTION_DAYS: "30" };
  services = await Promise.all([startService({ env }), startService({ env })]);
  const worker = await startWorkerProcess(env);
  worker.signal("SIGTERM");
  await worker.ended;
});
afterAll(async () => {
  await Promise.all(services.map(({ stop }) => stop()));
  await issuer.close();
  await db.drop();
});

async function get(path: string): Promise<unknown> {
  const headers = await bearer(key, ["audit:read"]);
  const answer = await fetch(`${services[0]?.url ?? ""}${path}`, { headers });
  return answer.json();
}

test("each start is recorded once, with its variables and none of its secrets", async () => {
  const { items } = AuditEventListResponse.parse(await get("/audit/events?action=PROCESS_STARTED"));
  expect(items).toHaveLength(3);
  expect(items.map(({ details }) => ("program" in details ? details.program : "")).sort()).toEqual([
    "service",
    "service",
    "worker",
  ]);
  expect(new Set(items.map(({ actor_id }) => actor_id)).size).toBe(3);
  const [first] = items;
  expect(first?.details).toMatchObject({
    variables: { AUTH_MODE: "jwt", DATABASE_URL: "set", DPM_SUPPORTABILITY_RETENTION_DAYS: 30 },
  });
  const { password } = new URL(db.url);
  expect(password).not.toBe("");
  expect(JSON.stringify(items)).not.toContain(password);
});

test("the retention of the deployment is recorded once, though three processes say it", async () => {
  await expect
    .poll(async () =>
      AuditEventListResponse.parse(await get("/audit/events?action=RETENTION_SET")).items.map(
        ({ details }) => details,
      ),
    )
    .toEqual([
      {
        configured: { OPERATION: 86_400, RUN: 30 * 86_400, EVENT: 30 * 86_400 },
        ruling: { OPERATION: 86_400, RUN: 30 * 86_400, EVENT: 30 * 86_400 },
      },
    ]);
});

test("a large body of a caller without the scope is refused ahead of being read, and that is recorded", async () => {
  const headers = {
    ...(await bearer(key, [])),
    "content-type": "application/json",
    "idempotency-key": "large",
  };
  const body = `{"filler":"${"x".repeat(900_000)}"}`;
  for (const { url } of services) {
    const answer = await fetch(`${url}/rebalance/simulate`, { method: "POST", headers, body });
    expect(answer.status).toBe(403);
  }
  expect(await storedChain(db.adminUrl, "demo")).toMatchObject([{ details: { idempotency_key: "large" } }]);
  const { valid, heads } = AuditVerificationResponse.parse(await get("/audit/verify"));
  expect([valid, heads.map(({ event_no }) => event_no)]).toEqual([true, [4, 1]]);
});
