import { html, type SafeHtml } from "@remix-run/html-template";
import { named } from "../../../../platform/html/text.ts";
import type { CurrencyCash, CurrencyResults } from "../../core/wave-report.ts";
import type { Language } from "../../language.ts";
import { bars, scaleOf } from "../charts.ts";
import { facts, table, type Cell, type Row } from "../table.ts";

/** What the runs come to, for each base currency. */
export function resultsSection(results: readonly CurrencyResults[], language: Language): SafeHtml {
  const { words } = language;
  if (results.length === 0) return html``;
  return html`<section class="costs">
    <h2>${words.wave.results}</h2>
    ${results.map((result) => facts(resultFacts(result, language), "figures"))}
  </section>`;
}

function resultFacts(
  { turnover, gains, losses }: CurrencyResults,
  { words, format }: Language,
): (readonly [string, Cell])[] {
  return [
    [words.costs.turnover, format.money(turnover)],
    ...(gains === null ? [] : ([[words.costs.gain, format.money(gains)]] as const)),
    ...(losses === null ? [] : ([[words.costs.loss, format.money(losses)]] as const)),
  ];
}

/** The cash of all portfolios together, and what is exchanged. Each currency has a scale of its own. */
export function cashSection(cash: readonly CurrencyCash[], language: Language): SafeHtml {
  const { words } = language;
  if (cash.length === 0) return html``;
  const columns = [
    { label: words.wave.currency },
    { label: words.allocation.chart, kind: "chart" },
    { label: words.allocation.before, kind: "number" },
    { label: words.wave.fxBought, kind: "number" },
    { label: words.wave.fxSold, kind: "number" },
    { label: words.allocation.after, kind: "number" },
  ] as const;
  return html`<section class="allocation">
    <h2>${words.wave.cash}</h2>
    <p class="key" aria-hidden="true">
      <span><i class="was"></i>${words.allocation.before}</span>
      <span><i class="is"></i>${words.allocation.after}</span>
    </p>
    ${table(
      columns,
      cash.map((row) => cashRow(row, language)),
      "cash",
    )}
  </section>`;
}

function cashRow({ currency, before, after, bought, sold }: CurrencyCash, language: Language): Row {
  const { words, format } = language;
  const money = (amount: typeof before) => format.money({ amount, currency });
  const label = words.wave.beforeAfter(money(before), money(after));
  return {
    cells: [
      named(currency),
      bars({ before, after, model: null }, scaleOf([before, after]), label),
      money(before),
      money(bought),
      money(sold),
      money(after),
    ],
  };
}
