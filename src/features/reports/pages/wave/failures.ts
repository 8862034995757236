import { html, type SafeHtml } from "@remix-run/html-template";
import { named } from "../../../../platform/html/text.ts";
import type { WaveFailures, WaveReport } from "../../core/wave-report.ts";
import type { Language } from "../../language.ts";
import { labelOf, statementOf } from "../labels.ts";
import { table, type Cell } from "../table.ts";

/** The portfolios that came to no run, and why. */
export function failuresSection({ failures }: WaveReport, language: Language): SafeHtml {
  const { words, format } = language;
  const { items, count } = failures;
  if (count === 0) return html``;
  const columns = [
    { label: words.wave.item, kind: "long" },
    { label: words.head.portfolio, kind: "long" },
    { label: words.trades.reason },
    { label: words.wave.attempts, kind: "number" },
  ] as const;
  const rows = items.map((item) => ({
    cells: [
      named(item.key),
      item.portfolioId === null ? "–" : named(item.portfolioId),
      reasonOf(item, language),
      format.count(item.attempts),
    ],
    isMarked: true,
  }));
  const more = words.wave.moreFailures(format.count(items.length), format.count(count));
  return html`<section class="failed">
    <h2>${words.wave.failures}</h2>
    ${table(columns, rows, "failures")} ${items.length < count ? html`<p class="note">${more}</p>` : ""}
  </section>`;
}

function reasonOf({ code, message, fault }: WaveFailures["items"][number], language: Language): Cell {
  if (fault === null) return html`${labelOf(language, code)}<small>${statementOf(language, message)}</small>`;
  return html`${labelOf(language, code)}<small
      >${named(fault.place)}: ${statementOf(language, fault.message)}</small
    >`;
}
