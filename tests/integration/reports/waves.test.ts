import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REPORT_STYLE } from "../../../src/features/reports/pages/style.ts";
import { de } from "../../../src/features/reports/words/de.ts";
import { en } from "../../../src/features/reports/words/en.ts";
import { startRunner } from "../../../src/features/waves/runner.ts";
import type { ClaimLoop } from "../../../src/platform/leases/claim-loop.ts";
import { openTestApp, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { faultsOfPage, readPage } from "../../support/reports.ts";
import { withSession } from "../../support/session.ts";
import { act, createWave, portfolio, portfolios, untilState, type Wave } from "../../support/waves.ts";

let db: TestDatabase;
let app: TestApp;
let runner: ClaimLoop;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url, { WORKER_POLL_MS: "50" });
  runner = startRunner({
    ...app.works.waves,
    writes: app.runtime.writes,
    mostBatches: 2,
    pollMs: 50,
    onClaimError: (error) => expect.unreachable(String(error)),
  });
});

afterAll(async () => {
  await runner.stop();
  await app.works.waves.batches.drain(10_000);
  await app.close();
  await db.drop();
});

const reportOf = ({ wave_id }: Pick<Wave, "wave_id">, headers = {}) =>
  app.get(`/rebalance/waves/${wave_id}/report`, headers);

async function textOf(wave: Pick<Wave, "wave_id">, headers = {}): Promise<string> {
  const answer = await reportOf(wave, headers);
  expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  return readPage(answer.text).text;
}

describe("the report of a wave", () => {
  test("is a page that nothing runs in and nobody keeps", async () => {
    const answer = await reportOf(await createWave(app, portfolios(1)));
    expect(answer.headers).toMatchObject({
      "content-language": "en",
      "content-security-policy": REPORT_STYLE.policy,
      "cache-control": "no-store",
      vary: "Accept-Language",
    });
    expect(await faultsOfPage(answer.text)).toEqual([]);
  });

  test("of one that is over shows sums, trades and what failed, and is verified", async () => {
    const broken = portfolio("pf-broken", "1", { options: { max_turnover_pct: "nonsense" } });
    const wave = await createWave(app, [...portfolios(30), broken]);
    await act(app, wave, "start");
    const { aggregates } = await untilState(app, wave, "COMPLETED_WITH_FAILURES");
    const text = await textOf(wave);
    expect(text).toContain("31 of 31");
    expect(text).toContain(en.wave.failed("1"));
    expect(text).toMatch(/pf-broken pf-broken .* options\.max_turnover_pct/);
    expect(text).toContain(en.badges.valid);
    expect(text).toMatch(/Checked: Events 3, Items 31, Runs 30\./);
    const [trade] = aggregates.trades;
    expect(trade).toMatchObject({ instrument_id: "EQ_1" });
    expect(text).toContain(`EQ_1 Buy ${String(trade?.count)} `);
  });

  test("of one that has not begun says so, in the language of its reader", async () => {
    const wave = await createWave(app, portfolios(2));
    const text = await textOf(wave, { "accept-language": "de-CH" });
    expect(text).toContain(de.wave.notices.DRAFT);
    expect(text).toContain(de.wave.unverified);
  });

  test("says so where a stored item was altered", async () => {
    const wave = await createWave(app, portfolios(2));
    await act(app, wave, "start");
    await untilState(app, wave, "COMPLETED");
    await withSession(db.adminUrl, async (session) => {
      await session.query("begin; set local session_replication_role = replica");
      await session.query(
        "update wave_item set result_hash = 'sha256:' || repeat('0', 64) where wave_id = $1 and position = 1",
        [wave.wave_id],
      );
      await session.query("commit");
    });
    const text = await textOf(wave);
    expect(text).toContain(en.notices.unverified);
    expect(text).toContain(en.badges.invalid);
  });

  test("is not there for a wave that is not there, nor for another tenant", async () => {
    const wave = await createWave(app, portfolios(1));
    expect(refusalOf(await reportOf({ wave_id: `rw_${"0".repeat(32)}` }))).toBe("404 WAVE_NOT_FOUND");
    expect(refusalOf(await reportOf(wave, { "x-tenant-id": "other" }))).toBe("404 WAVE_NOT_FOUND");
  });
});
