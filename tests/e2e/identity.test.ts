import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { rebalanceBody } from "../support/runs.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";
import { withSession } from "../support/session.ts";
import {
  bearer,
  newKey,
  sign,
  startIssuer,
  tokenEnv,
  type SigningKey,
  type TestIssuer,
} from "../support/tokens.ts";

let db: TestDatabase;
let key: SigningKey;
let issuer: TestIssuer;
let service: RunningService;

beforeAll(async () => {
  db = await testDatabase();
  key = await newKey("key_1");
  issuer = await startIssuer([key]);
  service = await startService({ env: { ...serviceEnv(db), ...tokenEnv(issuer), LOG_LEVEL: "trace" } });
});
afterAll(async () => {
  await service.stop();
  await issuer.close();
  await db.drop();
});

async function simulate(authorization: Record<string, string>, body: string, idempotencyKey = "k_1") {
  const headers = { "content-type": "application/json", "idempotency-key": idempotencyKey, ...authorization };
  const answer = await fetch(`${service.url}/rebalance/simulate`, { method: "POST", headers, body });
  return { status: answer.status, text: await answer.text() };
}

test("nothing of a token is printed or stored but subject, tenant and token id", async () => {
  const token = await sign(key, {
    claims: { jti: "t_42", scope: "rebalance:run", email: "someone@bank.example", sid: "session_9" },
  });
  const body = JSON.stringify(rebalanceBody());
  expect((await simulate({ authorization: `Bearer ${token}` }, body)).status).toBe(200);
  for (const bad of [`Bearer ${token}x`, `Basic ${token}`, `Bearer ${token} ${token}`, `bearer  ${token}.`])
    expect((await simulate({ authorization: bad }, body)).status).toBe(401);
  const refused = await bearer(key, [], { email: "someone@bank.example" });
  expect((await simulate(refused, body)).status).toBe(403);

  await expect.poll(service.output).toContain('"status":403');
  const printed = service.output();
  const stored = await everythingStored();
  expect(printed).toContain('"subject":"advisor_1","tokenId":"t_42"');
  expect(stored).toContain("pf_review");
  const secrets = [token, ...token.split("."), refused.authorization.slice(7), "someone@", "session_9"];
  for (const secret of secrets) {
    expect(printed).not.toContain(secret);
    expect(stored).not.toContain(secret);
  }
});

/** Every row of every table, as text. */
async function everythingStored(): Promise<string> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const read = await session.query<{ line: string }>(`select t::text as line from ${name} t`);
      texts.push(...read.rows.map(({ line }) => line));
    }
    return texts.join("\n");
  });
}

test("a large body is refused ahead of being read, and the caller gets the answer", async () => {
  const answer = await simulate({}, `{"filler":"${"x".repeat(900_000)}"}`, "k_2");
  expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('"UNAUTHENTICATED"')]);
});
