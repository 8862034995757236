import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { Problem } from "../../../src/contract/problem.ts";
import { cursorOf } from "../../../src/platform/http/cursor.ts";
import { CREATE_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import { ANALYZE_EXAMPLE } from "../../../src/features/rebalance/examples.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { act, makeRun, newKey } from "../../support/runs.ts";

const TENANT = "bank-of-pages";
const headers = { "x-tenant-id": TENANT };
const CORRELATION = "corr-paged";

let db: TestDatabase;
let app: TestApp;
let elsewhere: TestApp;

/** Every list of the service, with the name that its cursors are bound to and a position in it. */
const createdAt = "2026-01-15T09:30:00.000Z";
const LISTS: readonly [url: string, list: string, position: Readonly<Record<string, unknown>>][] = [
  ["/rebalance/runs", "runs", { createdAt, id: "rr_1" }],
  ["/rebalance/operations", "operations", { createdAt, id: "dop_1" }],
  ["/rebalance/proposals", "proposals", { createdAt, id: "pp_1" }],
  [
    "/rebalance/workflow/decisions",
    "decisions",
    { decided_at: createdAt, decision_no: 1, decision_id: "dwd_1" },
  ],
  [
    `/rebalance/lineage/${CORRELATION}`,
    "lineage",
    {
      created_at: createdAt,
      edge_type: "CORRELATION_TO_RUN",
      source_entity_id: CORRELATION,
      target_entity_id: "rr_1",
    },
  ],
];
const URLS = LISTS.map(([url]) => url);

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
  elsewhere = await openTestApp(db.url);
  const named = { ...headers, "x-correlation-id": CORRELATION };
  for (let at = 0; at < 2; at += 1) {
    const run = await makeRun(app, { headers, correlationId: CORRELATION });
    await act(app, run.id, "APPROVE", { headers: named });
    await app.post("/rebalance/analyze/async", { key: newKey(), headers: named, body: ANALYZE_EXAMPLE });
    await app.post("/rebalance/proposals", { key: newKey(), headers: named, body: CREATE_EXAMPLE });
  }
});
afterAll(async () => {
  await app.close();
  await elsewhere.close();
  await db.drop();
});

const Page = z.looseObject({ next_cursor: z.string().nullable() });

async function cursorIn(url: string): Promise<string> {
  const { next_cursor } = read(Page, await app.get(`${url}?limit=1`, headers));
  if (next_cursor === null) throw new Error(`${url} has one page only`);
  return next_cursor;
}

const at = (service: TestApp, url: string, cursor: string, tenant = headers) =>
  service.get(`${url}?limit=1&cursor=${cursor}`, tenant);

describe.each(LISTS)("the cursor of %s", (url, list, position) => {
  test("is taken by every process, and goes on with another row", async () => {
    const cursor = await cursorIn(url);
    const first = await app.get(`${url}?limit=1`, headers);
    const second = await at(elsewhere, url, cursor);
    expect(second.status).toBe(200);
    expect(second.text).not.toBe(first.text);
  });

  test("is refused for another tenant, by every other list, and when it was edited", async () => {
    const cursor = await cursorIn(url);
    const foreign = await at(app, url, cursor, { "x-tenant-id": "bank-of-nobody" });
    expect(refusalOf(foreign)).toBe("422 CURSOR_INVALID");
    for (const other of URLS.filter((each) => each !== url)) {
      expect(refusalOf(await at(app, other, cursor))).toBe("422 CURSOR_INVALID");
    }
    const text = Buffer.from(cursor, "base64url").toString();
    const edited = Buffer.from(text.replace(/\d{4}-/, "2020-")).toString("base64url");
    expect(refusalOf(await at(app, url, edited))).toBe("422 CURSOR_INVALID");
  });

  test("is refused, not a failure, where a position that is sealed rightly is no position", async () => {
    const forge = (value: unknown) => cursorOf(list, z.unknown()).encode(TENANT, value);
    expect((await at(app, url, forge(position))).status).toBe(200);
    for (const [name, value] of Object.entries(position)) {
      const wrong =
        typeof value === "number" ? [0, 2 ** 31, 1e300] : ["\u0000", "0000-01-01T00:00:00.000Z\u0000"];
      for (const each of [...wrong, null]) {
        const answer = await at(app, url, forge({ ...position, [name]: each }));
        expect(refusalOf(answer)).toBe("422 CURSOR_INVALID");
      }
    }
    const [time = ""] = Object.keys(position);
    const early = await at(app, url, forge({ ...position, [time]: "0000-12-31T23:59:59.999Z" }));
    expect(refusalOf(early)).toBe("422 CURSOR_INVALID");
  });
});

test("a cursor that is wrong is one fault among others", async () => {
  const answer = await app.get("/rebalance/runs?limit=0&cursor=x", headers);
  expect(refusalOf(answer)).toBe("422 VALIDATION_FAILED");
  expect(read(Problem, answer).errors?.map(({ loc, code }) => [loc, code])).toEqual([
    [["query", "cursor"], "CURSOR_INVALID"],
    [["query", "limit"], "OUT_OF_RANGE"],
  ]);
});
