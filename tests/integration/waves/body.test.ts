import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Problem } from "../../../src/contract/problem.ts";
import { WaveItemListResponse, WaveListResponse, WaveResponse } from "../../../src/features/waves/schemas.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { newKey } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";
import {
  act,
  createWave,
  getWave,
  portfolio,
  portfolios,
  SHARED,
  waveBody,
  type Wave,
} from "../../support/waves.ts";

let test: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  test = await testDatabase();
  app = await openTestApp(test.url, { MAX_BODY_BYTES: "20000", MAX_WAVE_BODY_BYTES: "3000000" });
});
afterAll(async () => {
  await app.close();
  await test.drop();
});

const create = (body: unknown, key = newKey("wave")) => app.post("/rebalance/waves", { key, body });
const add = (wave: Wave, items: readonly unknown[], key = newKey("add")) =>
  app.post(`/rebalance/waves/${wave.wave_id}/portfolios`, { key, body: { portfolios: items } });

/** Sends a text as it stands. */
const sendText = (url: string, type: string, text: string) =>
  app.post(url, { key: newKey("raw"), raw: { type, text } });

function placesOf(answer: Received) {
  return read(Problem, answer).errors?.map(({ loc, code }) => `${loc.join(".")} ${code}`);
}

async function keysOf(wave: Pick<Wave, "wave_id">) {
  const { items } = read(
    WaveItemListResponse,
    await app.get(`/rebalance/waves/${wave.wave_id}/items?limit=1000`),
  );
  return items.map(({ item_key }) => item_key);
}

async function stored(): Promise<number> {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<{ count: number }>("select count(*)::int as count from wave_portfolio"),
  );
  return rows[0]?.count ?? Number.NaN;
}

describe("the body of a wave", () => {
  it("makes a wave in DRAFT, whose address the answer names, once for its key", async () => {
    const body = waveBody(portfolios(3));
    const made = await create(body, "once");
    const wave = read(WaveResponse, made);
    expect([made.status, made.headers["location"]]).toEqual([201, `/rebalance/waves/${wave.wave_id}`]);
    expect(wave).toMatchObject({
      state: "DRAFT",
      counts: { total: 3, items: { PENDING: 3 } },
      progress: "0",
    });
    const before = await stored();
    const again = await create(body, "once");
    expect([
      again.status,
      again.text,
      again.headers["location"],
      again.headers["idempotent-replayed"],
    ]).toEqual([201, made.text, made.headers["location"], "true"]);
    expect(await stored()).toBe(before);
    expect(refusalOf(await create(waveBody(portfolios(4)), "once"))).toContain(
      "409 IDEMPOTENCY_KEY_CONFLICT",
    );
  });

  it("has one hash in two spellings", async () => {
    const spelled = (quantity: unknown) => waveBody([portfolio("pf", String(quantity))]);
    const made = await create(spelled("10"), "spelling");
    expect((await create(spelled("10.00"), "spelling")).text).toBe(made.text);
  });

  it("is refused with the places of what is wrong in what is shared, and of keys that are none", async () => {
    const shared = { ...SHARED, model_portfolio: {}, options: { not_an_option: 1 } };
    const answer = await create(
      waveBody([portfolio("a"), portfolio("b", "1", { item_key: "" })], { shared, wave_name: "" }),
    );
    expect(refusalOf(answer)).toBe("422 VALIDATION_FAILED");
    expect(placesOf(answer)).toEqual([
      "body.shared.model_portfolio.targets REQUIRED",
      "body.shared.options.not_an_option UNKNOWN_FIELD",
      "body.wave_name EMPTY",
      "body.portfolios.1.item_key EMPTY",
    ]);
  });

  it("is refused with the places of what the rules in force for what is shared cannot take", async () => {
    const shared = { ...SHARED, shelf_entries: [...SHARED.shelf_entries, ...SHARED.shelf_entries] };
    const sent = (options: object) => waveBody([], { shared: { ...shared, options } });
    const places = ["body.shared.shelf_entries.1.instrument_id DUPLICATE_ID"];
    const named = await create(sent({ rules_version: "2" }));
    expect([refusalOf(named), placesOf(named)]).toEqual(["422 DUPLICATE_ID", places]);
    expect((await create(sent({}))).status).toBe(201);
    const policy = { version: "v1", rules_policy: { rules_version: "2" } };
    await app.send("PUT", "/rebalance/policies/catalog/rules-2", { body: policy });
    const headers = { "x-policy-pack-id": "rules-2" };
    const byPack = await app.post("/rebalance/waves", { key: newKey("wave"), headers, body: sent({}) });
    expect([refusalOf(byPack), placesOf(byPack)]).toEqual(["422 DUPLICATE_ID", places]);
  });

  it("is not refused for a portfolio that is wrong, nor for one without any name", async () => {
    const wave = await createWave(app, [portfolio("ok"), {}, 7, { portfolio_snapshot: { portfolio_id: 3 } }]);
    expect(await keysOf(wave)).toEqual(["#2", "#3", "#4", "ok"]);
  });

  it("is refused where two portfolios have one key, and nothing is made", async () => {
    const answer = await create(waveBody([portfolio("a"), portfolio("b", "1", { item_key: "a" })]), "twice");
    expect(refusalOf(answer)).toBe("409 WAVE_ITEM_EXISTS");
    expect(placesOf(answer)).toEqual(["body.portfolios.1.item_key WAVE_ITEM_EXISTS"]);
    expect(
      (await create(waveBody([portfolio("a"), portfolio("b", "1", { item_key: "a" })]), "twice")).text,
    ).toBe(answer.text);
  });

  it.each([
    ["[]", "400 MALFORMED_JSON"],
    ['{"wave_name":"x","wave_name":"y"}', "400 MALFORMED_JSON"],
    ['{"portfolios":[{"a":1,}]}', "400 MALFORMED_JSON"],
    ['{"portfolios":[{"a":"\\u0000"}]}', "400 MALFORMED_JSON"],
    [`{"portfolios":[{"a":"${"x".repeat(20_100)}"}]}`, "413 PAYLOAD_TOO_LARGE"],
    [`{"wave_name":"${"x".repeat(20_100)}"}`, "413 PAYLOAD_TOO_LARGE"],
    [`{"portfolios":[${"1,".repeat(1_600_000)}1]}`, "413 PAYLOAD_TOO_LARGE"],
    [`{"portfolios":[${"{},".repeat(5_000)}{}]}`, "422 VALIDATION_FAILED"],
  ])("%# is refused for its form", async (text, refusal) => {
    expect(refusalOf(await sendText("/rebalance/waves", "application/json", text))).toBe(refusal);
  });

  it("is taken as lines, the first of which is the wave", async () => {
    const { portfolios: items, ...head } = waveBody(portfolios(3));
    const lines = [head, ...items].map((line) => JSON.stringify(line)).join("\n");
    const answer = await sendText("/rebalance/waves", "application/x-ndjson", lines);
    expect(answer.status).toBe(201);
    const wave = read(WaveResponse, answer);
    expect(wave.counts.total).toBe(3);
    const more = portfolios(2, "more").map((line) => `${JSON.stringify(line)}\n`);
    const url = `/rebalance/waves/${wave.wave_id}/portfolios`;
    expect((await sendText(url, "application/x-ndjson", more.join("\n"))).status).toBe(200);
    expect(await keysOf(wave)).toEqual(["more-00001", "more-00002", "pf-00001", "pf-00002", "pf-00003"]);
    expect(refusalOf(await sendText(url, "application/x-ndjson", `${more[0] ?? ""}{`))).toBe(
      "400 MALFORMED_JSON",
    );
    expect(refusalOf(await sendText(url, "text/plain", "{}"))).toBe("415 UNSUPPORTED_MEDIA_TYPE");
  });
});

describe("more portfolios", () => {
  it("are added to a wave in DRAFT, all or none, once for their key", async () => {
    const wave = await createWave(app, portfolios(2));
    const added = await add(wave, portfolios(2, "more"), "more");
    expect(read(WaveResponse, added).counts.total).toBe(4);
    expect((await add(wave, portfolios(2, "more"), "more")).text).toBe(added.text);
    const repeated = await add(wave, [portfolio("new"), portfolio("pf-00002")]);
    expect(refusalOf(repeated)).toBe("409 WAVE_ITEM_EXISTS");
    expect(placesOf(repeated)).toEqual(["body.portfolios.1.item_key WAVE_ITEM_EXISTS"]);
    expect((await getWave(app, wave)).counts.total).toBe(4);
  });

  it("are refused to a wave that was started, and to none at all", async () => {
    const wave = await createWave(app, portfolios(1));
    expect(placesOf(await add(wave, []))).toEqual(["body.portfolios TOO_FEW_ITEMS"]);
    await act(app, wave, "start");
    const before = await stored();
    expect(refusalOf(await add(wave, portfolios(1, "late")))).toBe("409 WAVE_INVALID_STATE");
    expect(await stored()).toBe(before);
    const none = { ...wave, wave_id: `rw_${"0".repeat(32)}` };
    expect(refusalOf(await add(none, portfolios(1)))).toBe("404 WAVE_NOT_FOUND");
    await act(app, wave, "cancel");
  });

  it("are refused beyond a hundred thousand", async () => {
    const wave = await createWave(app, portfolios(1));
    const setCount = (count: number) =>
      withSession(test.adminUrl, (session) =>
        session.query("update wave set item_count = $1 where wave_id = $2", [count, wave.wave_id]),
      );
    await setCount(99_999);
    expect(refusalOf(await add(wave, portfolios(2, "more")))).toBe("409 WAVE_FULL");
    await setCount(1);
  });
});

describe("the lists", () => {
  it("page through waves, newest first, with their filters", async () => {
    const mine = { body: { created_by: "lister" } };
    const made = [
      await createWave(app, [], mine),
      await createWave(app, portfolios(1), mine),
      await createWave(app, [], mine),
    ];
    await act(app, made[1] ?? never(), "cancel");
    const first = read(WaveListResponse, await app.get("/rebalance/waves?created_by=lister&limit=2"));
    const second = read(
      WaveListResponse,
      await app.get(`/rebalance/waves?created_by=lister&limit=2&cursor=${String(first.next_cursor)}`),
    );
    expect([...first.items, ...second.items].map(({ wave_id }) => wave_id)).toEqual(
      made.map(({ wave_id }) => wave_id).toReversed(),
    );
    expect(second.next_cursor).toBeNull();
    const cancelled = read(
      WaveListResponse,
      await app.get("/rebalance/waves?created_by=lister&state=CANCELLED"),
    );
    expect(cancelled.items.map(({ wave_id }) => wave_id)).toEqual([made[1]?.wave_id]);
    expect(
      read(WaveListResponse, await app.get("/rebalance/waves?created_by=lister&to=2020-01-01")).items,
    ).toEqual([]);
  });

  it("page through items by their keys, in byte order, whatever letters they have", async () => {
    const keys = ["Zebra", "alpha", "Ärger", "#1x", "z z", "日本"];
    const wave = await createWave(
      app,
      keys.map((key) => portfolio(key)),
    );
    const seen: string[] = [];
    let cursor = "";
    do {
      const page = read(
        WaveItemListResponse,
        await app.get(
          `/rebalance/waves/${wave.wave_id}/items?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`,
        ),
      );
      seen.push(...page.items.map(({ item_key }) => item_key));
      cursor = page.next_cursor ?? "";
    } while (cursor !== "");
    expect(seen).toEqual(["#1x", "Zebra", "alpha", "z z", "Ärger", "日本"]);
  });

  it("give items as a file of any length", async () => {
    const wave = await createWave(app, portfolios(2_345));
    const file = await app.get(`/rebalance/waves/${wave.wave_id}/items.csv`);
    expect(file.headers["content-type"]).toBe("text/csv; charset=utf-8");
    const lines = file.text.trimEnd().split("\r\n");
    expect(lines).toHaveLength(2_346);
    expect(new Set(lines).size).toBe(2_346);
  });

  it("are switched off by DPM_WAVES_ENABLED", async () => {
    const off = await openTestApp(test.url, { DPM_WAVES_ENABLED: "false" });
    expect(refusalOf(await off.get("/rebalance/waves"))).toBe("404 DPM_WAVES_DISABLED");
    expect(refusalOf(await off.post("/rebalance/waves", { key: "k", body: {} }))).toBe(
      "404 DPM_WAVES_DISABLED",
    );
    await off.close();
  });
});

function never(): never {
  throw new Error("it was made above");
}
