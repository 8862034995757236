import { describe, expect, test } from "vitest";
import { waveReport, type StoredWave } from "../../../src/features/reports/core/wave-report.ts";
import { languageOf, type LanguageTag } from "../../../src/features/reports/language.ts";
import { wavePage } from "../../../src/features/reports/pages/wave/wave-page.ts";
import { en } from "../../../src/features/reports/words/en.ts";
import { attribute, faultsOfPage, readPage } from "../../support/reports.ts";
import { failedItem, storedWave, waveEvent, waveTotal } from "../../support/wave-report.ts";

const HOSTILE = `<script>alert("1")</script>'"><img src=x onerror=alert(2)> \u202Etxt.exe`;

function pageOf(stored: StoredWave, language: LanguageTag = "en"): string {
  return wavePage(waveReport(stored), languageOf(language));
}

const textOf = (stored: StoredWave): string => readPage(pageOf(stored)).text;

const running = storedWave(
  { state: "RUNNING", ready_count: 40, pending_review_count: 0, blocked_count: 0, settled_at: null },
  { verification: null },
);

const notBegun = storedWave(
  {
    state: "DRAFT",
    item_count: 0,
    ready_count: 0,
    pending_review_count: 0,
    blocked_count: 0,
    failed_count: 0,
    policy_pack_id: null,
    policy_pack_version: null,
    running_since: null,
    settled_at: null,
  },
  { failed: [], events: [waveEvent({ event_no: 1, event_type: "CREATED" })], verification: null },
);

const hostile = storedWave(
  { wave_name: HOSTILE, created_by: HOSTILE, policy_pack_id: HOSTILE },
  {
    failed: [
      failedItem({
        item_key: HOSTILE,
        portfolio_id: HOSTILE,
        error_code: HOSTILE,
        error_message: HOSTILE,
        errors_text: JSON.stringify([{ code: "X", loc: [HOSTILE], msg: HOSTILE }]),
      }),
    ],
    events: [waveEvent({ event_no: 2, event_type: "STARTED", actor_id: HOSTILE, reason: HOSTILE })],
    verification: {
      valid: false,
      checked: { items: 1 },
      failures: [{ kind: "item", id: HOSTILE, reason: HOSTILE }],
    },
  },
);
const hostileTotals = [waveTotal({ measure: "BUY", label: HOSTILE, currency: "U<S>", amount: "1" })];

const WAVES: readonly (readonly [string, StoredWave])[] = [
  ["is over", storedWave()],
  ["runs", running],
  ["has not begun", { ...notBegun, view: { ...notBegun.view, totals: [] } }],
  [
    "somebody named who means ill",
    { ...hostile, view: { ...hostile.view, totals: [...hostile.view.totals, ...hostileTotals] } },
  ],
];

describe.each(["en", "de", "de-CH"] as const)("in %s", (language) => {
  test.each(WAVES)(
    "the page of a wave that %s is HTML without a fault and a script",
    async (_name, stored) => {
      const page = pageOf(stored, language);
      const { errors, elements } = readPage(page);
      expect(errors).toEqual([]);
      expect(await faultsOfPage(page)).toEqual([]);
      const names = new Set(elements.map(({ tagName }) => tagName));
      for (const name of ["script", "img", "iframe", "form", "a"]) expect(names).not.toContain(name);
      const root = elements.find(({ tagName }) => tagName === "html");
      expect(root && attribute(root, "lang")).toBe(language);
    },
  );
});

describe("the page of a wave", () => {
  const text = textOf(storedWave());

  test("tells how far it is, and what became of portfolios and runs", () => {
    expect(text).toContain("100 of 100");
    expect(text).toContain("100.00%");
    expect(text).toMatch(/Calculated: 99 Failed: 1 Under way: 0 Waiting: 0 Cancelled: 0/);
    expect(text).toMatch(/Ready: 80 Review needed: 15 Blocked: 4/);
  });

  test("tells the rate, and the time left where it runs", () => {
    expect(text).toMatch(/Portfolios per second 10 /);
    expect(text).not.toContain(en.wave.timeLeft);
    expect(textOf(running)).toMatch(/Time left, estimated [\d,]+ s/);
    expect(textOf(running)).toContain(en.wave.notices.RUNNING);
  });

  test("shows sums by currency, exact to the last digit that a currency has", () => {
    expect(text).toContain("Turnover, purchases and sales USD 10,450.75");
    expect(text).toContain("Realized gains USD 12.50");
    expect(text).toMatch(/USD USD 9,000\.00 USD 0\.00 USD 25\.00 USD 1,500\.25/);
    expect(text).toMatch(/EUR -?EUR 20\.00 EUR 20\.00 EUR 0\.00 EUR 0\.00/);
  });

  test("shows the largest trades, purchases to the right of sales", () => {
    expect(text).toMatch(/EQ_1 Buy 60 900 USD 9,000\.00/);
    expect(text).toMatch(/EQ_2 Sell 3 7 USD 1,450\.75/);
    const { elements } = readPage(pageOf(storedWave()));
    const bars = elements.filter((element) => attribute(element, "class") === "is").slice(-2);
    const [buy, sell] = bars.map((bar) => Number(attribute(bar, "x")));
    expect(sell).toBe(0);
    expect(buy).toBeGreaterThan(0);
  });

  test("shows what failed with the first place that is wrong, and says where the others are", () => {
    expect(text).toContain(en.wave.failed("1"));
    expect(text).toMatch(
      /pf-00007 pf-00007 .* portfolio_snapshot\.positions\.0\.quantity : must be a number 1/,
    );
    expect(text).not.toContain("are listed; all are in the list");
    expect(textOf(storedWave({ failed_count: 250, ready_count: 0 }))).toContain(
      en.wave.moreFailures("1", "250"),
    );
  });

  test("shows the history with who acted, and nobody for what came by itself", () => {
    expect(text).toMatch(/Started Reason: model change desk\.lee Draft → Under way/);
    expect(text).toMatch(/Completed with failures – Under way → Completed with failures/);
  });

  test("is verified once the wave is over, and says so where it is not", () => {
    expect(text).toContain(en.badges.valid);
    expect(text).toContain("Checked: Events 3, Items 100, Runs 99.");
    expect(textOf(running)).toContain(en.wave.unverified);
    expect(textOf(running)).toContain(en.badges.unchecked);
  });

  test("warns where what is stored was altered", () => {
    const shown = textOf(hostile);
    expect(shown).toContain(en.notices.unverified);
    expect(shown).toContain(en.badges.invalid);
  });

  test("shows what callers wrote as text", () => {
    const shown = textOf(hostile);
    expect(shown).toContain(`<script>alert("1")</script>'"><img src=x onerror=alert(2)>`);
    expect(shown).not.toContain("\u202E");
  });
});
