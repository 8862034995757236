import { html, type SafeHtml } from "@remix-run/html-template";
import type { Costs, ReportContent, Tax } from "../core/report.ts";
import type { Language } from "../language.ts";
import { facts, type Cell } from "./table.ts";

export function costsSection({ costs }: ReportContent, language: Language): SafeHtml {
  const { words, format } = language;
  const { tax, unvalued } = costs;
  return html`<section class="costs">
    <h2>${words.costs.heading}</h2>
    ${facts([...turnoverFacts(costs, language), ...(tax === null ? [] : taxFacts(tax, language))], "figures")}
    ${unvalued === 0 ? "" : html`<p class="notice open">${words.costs.unvalued(format.count(unvalued))}</p>`}
    <p class="note">${tax === null ? `${words.costs.noTax} ` : ""}${words.costs.fees}</p>
  </section>`;
}

function turnoverFacts(costs: Costs, { words, format }: Language): (readonly [string, Cell])[] {
  const { turnoverShare, turnoverLimit } = costs;
  const share = turnoverShare === null ? "–" : format.percent(turnoverShare);
  const limit = turnoverLimit === null ? "" : small(words.costs.limit, format.percent(turnoverLimit));
  return [
    [words.costs.bought, format.money(costs.bought)],
    [words.costs.sold, format.money(costs.sold)],
    [words.costs.turnover, format.money(costs.turnover)],
    [words.costs.share, html`${share}${limit}`],
  ];
}

function small(name: string, value: string): SafeHtml {
  return html`<small>${name}: ${value}</small>`;
}

function taxFacts(
  { gain, loss, limit, used }: Tax,
  { words, format }: Language,
): (readonly [string, Cell])[] {
  const budget = limit === null ? words.costs.noBudget : format.money(limit);
  return [
    [words.costs.gain, format.money(gain)],
    [words.costs.loss, format.money(loss)],
    [words.costs.budget, html`${budget}${used === null ? "" : small(words.costs.used, format.money(used))}`],
  ];
}
