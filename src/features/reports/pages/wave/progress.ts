import { html, type SafeHtml } from "@remix-run/html-template";
import { decimal } from "../../../../decimal/decimal.ts";
import type { WaveProgress } from "../../core/wave-report.ts";
import type { Language } from "../../language.ts";
import { stackedBar } from "../charts.ts";
import { labelOf, labelText } from "../labels.ts";
import { facts, type Cell } from "../table.ts";

/** How far the wave is: what became of its portfolios, and of the runs that were made. */
export function progressSection(progress: WaveProgress, language: Language): SafeHtml {
  const { words } = language;
  const { counts } = progress;
  const { READY, PENDING_REVIEW, BLOCKED } = counts.runs;
  const { SUCCEEDED, FAILED, RUNNING, PENDING, CANCELLED } = counts.items;
  return html`<section class="progress">
    <h2>${words.wave.progress}</h2>
    ${facts(progressFacts(progress, language), "figures")}
    ${stack(words.wave.portfolios, { SUCCEEDED, FAILED, RUNNING, PENDING, CANCELLED }, language)}
    ${stack(words.labels.runs, { READY, PENDING_REVIEW, BLOCKED }, language)}
  </section>`;
}

function progressFacts(
  { counts, share, itemsPerSecond, secondsLeft }: WaveProgress,
  { words, format }: Language,
): (readonly [string, Cell])[] {
  const ended = counts.total - counts.items.PENDING - counts.items.RUNNING;
  const optional = (name: string, value: string | null): (readonly [string, Cell])[] =>
    value === null ? [] : [[name, value]];
  return [
    [words.wave.ended, words.wave.endedOf(format.count(ended), format.count(counts.total))],
    [words.wave.share, format.percent(share)],
    ...optional(words.wave.rate, itemsPerSecond === null ? null : format.number(itemsPerSecond)),
    ...optional(
      words.wave.timeLeft,
      secondsLeft === null ? null : words.wave.seconds(format.count(secondsLeft)),
    ),
  ];
}

/** The colours of statuses, the same in both bars: green, blue, gold, red, violet, grey. */
const COLOURS: Readonly<Record<string, number>> = {
  SUCCEEDED: 1,
  READY: 1,
  RUNNING: 2,
  PENDING_REVIEW: 6,
  FAILED: 7,
  BLOCKED: 7,
  CANCELLED: 5,
  PENDING: 8,
};

/** All of them as one bar, with the numbers below it. */
function stack(heading: string, counts: Readonly<Record<string, number>>, language: Language): SafeHtml {
  const { format } = language;
  const parts = Object.entries(counts).map(([status, count]) => ({
    label: labelOf(language, status),
    name: labelText(language, status),
    colour: COLOURS[status] ?? 8,
    count,
  }));
  const label = parts.map(({ name, count }) => `${name} ${format.count(count)}`).join(", ");
  const segments = parts.map(({ colour, count }) => ({ colour, weight: decimal(count) }));
  return html`<h3>${heading}</h3>
    ${stackedBar(segments, label) ?? ""}
    <p class="key">
      ${parts.map(
        ({ label: text, colour, count }) =>
          html`<span><i class="swatch c${colour}"></i>${text}: ${format.count(count)}</span>`,
      )}
    </p>`;
}
