import { html, type SafeHtml } from "@remix-run/html-template";
import { named, visibleText } from "../../../platform/html/text.ts";
import type { ReportContent, Trade, Trades } from "../core/report.ts";
import type { Language } from "../language.ts";
import { labelOf } from "./labels.ts";
import { table, type Cell, type Row } from "./table.ts";

export function tradesSection({ trades, baseCurrency }: ReportContent, language: Language): SafeHtml {
  const { words, format } = language;
  return html`<section class="trading">
    <h2>${words.trades.heading}</h2>
    ${securities(trades.securities, baseCurrency, language)} ${cashFlows(trades, language)}
    ${fx(trades, language)} ${funding(trades, language)}
    ${trades.shortfalls.map((money) => html`<p class="notice bad">${words.trades.shortfall(format.money(money))}</p>`)}
    ${leftOut(trades, language)}
    <p class="note">${words.trades.estimated}</p>
  </section>`;
}

function securities(trades: readonly Trade[], baseCurrency: string, language: Language): SafeHtml {
  const { words, format } = language;
  if (trades.length === 0) return html`<p>${words.trades.none}</p>`;
  const columns = [
    { label: words.trades.instrument, kind: "long" },
    { label: words.trades.side },
    { label: words.trades.quantity, kind: "number" },
    { label: words.trades.notional, kind: "number" },
    { label: words.trades.notionalBase(visibleText(baseCurrency)), kind: "number" },
    { label: words.trades.reason },
  ] as const;
  const rows = trades.map((trade): Row => ({
    cells: [
      named(trade.instrumentId),
      html`<span class="side ${trade.side === "BUY" ? "buy" : "sell"}"
        >${labelOf(language, trade.side)}</span
      >`,
      trade.quantity === null ? "–" : format.number(trade.quantity),
      trade.notional === null ? "–" : format.money(trade.notional),
      trade.notionalBase === null ? "–" : format.money(trade.notionalBase),
      reason(trade, language),
    ],
  }));
  return html`<h3>${words.trades.securities}</h3>
    ${table(columns, rows, "orders")}`;
}

function reason({ reason: code, waits }: Trade, language: Language): Cell {
  const why = code === null ? "–" : labelOf(language, code);
  return waits ? html`${why}<small>${language.words.trades.waits}</small>` : why;
}

function cashFlows({ cashFlows: flows }: Trades, { words, format }: Language): SafeHtml {
  if (flows.length === 0) return html``;
  const columns = [
    { label: words.trades.description },
    { label: words.trades.amount, kind: "number" },
  ] as const;
  const rows = flows.map(({ money, description }) => ({
    cells: [description === null || description === "" ? "–" : named(description), format.money(money)],
  }));
  return html`<h3>${words.trades.cashFlows}</h3>
    ${table(columns, rows, "flows")}`;
}

function fx({ fx: spots }: Trades, language: Language): SafeHtml {
  const { words, format } = language;
  if (spots.length === 0) return html``;
  const columns = [
    { label: words.trades.pair },
    { label: words.trades.buys, kind: "number" },
    { label: words.trades.sells, kind: "number" },
    { label: words.trades.reason },
  ] as const;
  const rows = spots.map(({ pair, buy, sell, reason: code }) => ({
    cells: [
      named(pair),
      format.money(buy),
      format.money(sell),
      code === null ? "–" : labelOf(language, code),
    ],
  }));
  return html`<h3>${words.trades.fx}</h3>
    ${table(columns, rows, "fx")}`;
}

function funding({ funding: plan }: Trades, { words, format }: Language): SafeHtml {
  if (plan.length === 0) return html``;
  const columns = [
    { label: words.trades.required },
    { label: words.trades.available, kind: "number" },
    { label: words.trades.exchanged, kind: "number" },
    { label: words.trades.from },
  ] as const;
  const rows = plan.map(({ required, available, exchanged, from }) => ({
    cells: [
      format.money(required),
      format.money(available),
      format.money(exchanged),
      from === null ? "–" : named(from),
    ],
  }));
  return html`<h3>${words.trades.funding}</h3>
    ${table(columns, rows, "funding")}`;
}

function leftOut({ leftOut: intents }: Trades, language: Language): SafeHtml {
  const { words, format } = language;
  if (intents.length === 0) return html``;
  const columns = [
    { label: words.trades.instrument, kind: "long" },
    { label: words.trades.notional, kind: "number" },
    { label: words.trades.reason },
  ] as const;
  const rows = intents.map(({ instrumentId, notional, reason: code }) => ({
    cells: [named(instrumentId), format.money(notional), labelOf(language, code)],
  }));
  return html`<h3>${words.trades.leftOut}</h3>
    ${table(columns, rows, "left-out")}`;
}
