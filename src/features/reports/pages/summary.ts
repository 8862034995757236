import { html, type SafeHtml } from "@remix-run/html-template";
import type { ReportContent } from "../core/report.ts";
import type { Language } from "../language.ts";
import { labelOf } from "./labels.ts";
import type { Cell } from "./table.ts";

export function summarySection(content: ReportContent, language: Language): SafeHtml {
  const { words } = language;
  return html`<section class="glance">
    <h2>${words.summary.heading}</h2>
    <dl class="tiles">
      ${tilesOf(content, language).map(
        ({ name, value, note }) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}${note === null ? "" : html`<small>${note}</small>`}</dd>
          </div>`,
      )}
    </dl>
  </section>`;
}

type Tile = { readonly name: string; readonly value: Cell; readonly note: Cell | null };

function tilesOf(content: ReportContent, language: Language): Tile[] {
  const { words, format } = language;
  const { totals, gate, drift } = content;
  const { summary } = words;
  const tiles: Tile[] = [
    {
      name: summary.value,
      value: format.money(totals.after),
      note: summary.before(format.money(totals.before)),
    },
    tradesTile(content, language),
    turnoverTile(content, language),
  ];
  if (drift !== null) {
    const note = summary.before(format.percent(drift.before));
    tiles.push({ name: summary.drift, value: format.percent(drift.after), note });
  }
  tiles.push(findingsTile(content, language));
  if (gate !== null) {
    tiles.push({
      name: summary.gate,
      value: labelOf(language, gate.gate),
      note: null,
    });
  }
  return tiles;
}

function tradesTile({ trades }: ReportContent, { words, format }: Language): Tile {
  const bought = trades.securities.filter(({ side }) => side === "BUY").length;
  const sold = trades.securities.length - bought;
  return {
    name: words.summary.trades,
    value: format.count(trades.securities.length),
    note: words.summary.tradeCounts(format.count(bought), format.count(sold)),
  };
}

function turnoverTile({ costs }: ReportContent, { words, format }: Language): Tile {
  const { turnover, turnoverShare } = costs;
  const note = turnoverShare === null ? null : words.summary.ofPortfolio(format.percent(turnoverShare));
  return { name: words.summary.turnover, value: format.money(turnover), note };
}

function findingsTile({ suitability, checks }: ReportContent, { words, format }: Language): Tile {
  const { summary } = words;
  if (suitability === null || !suitability.isAvailable) {
    const failed = checks.filter(({ passed }) => !passed).length;
    const note = summary.checkCount(format.count(checks.length));
    return { name: summary.failedChecks, value: format.count(failed), note };
  }
  const { counts } = suitability;
  const note = summary.findingCounts(format.count(counts.persistent), format.count(counts.resolved));
  return { name: summary.newFindings, value: format.count(counts.new), note };
}
