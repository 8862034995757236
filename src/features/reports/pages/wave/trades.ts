import { html, type SafeHtml } from "@remix-run/html-template";
import { named } from "../../../../platform/html/text.ts";
import type { WaveTrade } from "../../core/wave-report.ts";
import type { Language } from "../../language.ts";
import { bars, scaleOf, type Scale } from "../charts.ts";
import { labelOf } from "../labels.ts";
import { table, type Row } from "../table.ts";

/** The largest trades over all portfolios: purchases to the right, sales to the left. Each currency has its own scale. */
export function tradesSection(trades: readonly WaveTrade[], language: Language): SafeHtml {
  const { words } = language;
  const columns = [
    { label: words.trades.instrument, kind: "long" },
    { label: words.trades.side },
    { label: words.allocation.chart, kind: "chart" },
    { label: words.wave.portfolios, kind: "number" },
    { label: words.trades.quantity, kind: "number" },
    { label: words.trades.notional, kind: "number" },
  ] as const;
  const rows = trades.map((trade) => tradeRow(trade, scaleOfCurrency(trades, trade), language));
  return html`<section class="trading">
    <h2>${words.wave.trades}</h2>
    ${
      trades.length === 0
        ? html`<p>${words.trades.none}</p>`
        : html`${table(columns, rows, "orders")}
            <p class="note">${words.wave.largest} ${words.trades.estimated}</p>`
    }
  </section>`;
}

function scaleOfCurrency(trades: readonly WaveTrade[], { notionalBase }: WaveTrade): Scale {
  const same = trades.filter((trade) => trade.notionalBase.currency === notionalBase.currency);
  return scaleOf(same.map(({ change }) => change));
}

function tradeRow(trade: WaveTrade, scale: Scale, language: Language): Row {
  const { format } = language;
  const { instrumentId, side, count, quantity, notionalBase, change } = trade;
  return {
    cells: [
      named(instrumentId),
      html`<span class="side ${side === "BUY" ? "buy" : "sell"}">${labelOf(language, side)}</span>`,
      bars({ before: null, after: change, model: null }, scale, format.money(notionalBase)),
      format.count(count),
      format.number(quantity),
      format.money(notionalBase),
    ],
  };
}
