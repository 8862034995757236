import { html, type SafeHtml } from "@remix-run/html-template";
import { subtract, ZERO, type Decimal } from "../../../decimal/decimal.ts";
import { named, visibleText } from "../../../platform/html/text.ts";
import type { Allocation, AllocationRow, ReportContent } from "../core/report.ts";
import type { Language } from "../language.ts";
import { bars, scaleOf, stackedBar, type Scale } from "./charts.ts";
import { labelOf, labelText } from "./labels.ts";
import { table, type Cell, type Column, type Row } from "./table.ts";

export function allocationSection(content: ReportContent, language: Language): SafeHtml {
  const { words } = language;
  const { assetClasses, instruments, model } = content;
  const hasModel = model !== null;
  const shown = { language, hasModel };
  return html`<section class="allocation">
    <h2>${words.allocation.heading}</h2>
    <p class="note">${modelNote(content, language)}</p>
    ${stacks(assetClasses, shown)}
    <h3>${words.allocation.assetClasses}</h3>
    ${key(shown)} ${allocationTable(assetClasses, shown, "classes")}
    <h3>${words.allocation.instruments}</h3>
    ${allocationTable(instruments, shown, "instruments")}
  </section>`;
}

type Shown = { readonly language: Language; readonly hasModel: boolean };

function modelNote({ model }: ReportContent, { words }: Language): Cell {
  if (model === null) return words.allocation.noModel;
  return model.name === null
    ? ""
    : words.allocation.modelLine(visibleText(model.name), visibleText(model.asOf ?? ""));
}

/** More classes than colours share the last one. */
const COLOURS = 8;
const colourAt = (index: number) => Math.min(index + 1, COLOURS);

type WeightName = "before" | "after" | "model";

function weightOf(row: Omit<AllocationRow, "key">, name: WeightName): Decimal | null {
  return name === "model" ? row.model : (row[name]?.weight ?? null);
}

/** Before, after and model as a whole each. */
function stacks({ rows, others }: Allocation, { language, hasModel }: Shown): SafeHtml {
  const { words } = language;
  const all: readonly Omit<AllocationRow, "key">[] = others === null ? rows : [...rows, others];
  const names: readonly WeightName[] = hasModel ? ["before", "after", "model"] : ["before", "after"];
  const drawn = names.flatMap((name) => {
    const segments = all.map((row, at) => ({ colour: colourAt(at), weight: weightOf(row, name) ?? ZERO }));
    const label = words.allocation.stacked(words.allocation[name], partsOf(rows, name, language));
    const bar = stackedBar(segments, label);
    return bar === null ? [] : [html`<span>${words.allocation[name]}</span>${bar}`];
  });
  if (drawn.length < names.length) return html``;
  const legend = rows.map(
    ({ key: name }, at) =>
      html`<span><i class="swatch c${colourAt(at)}"></i>${labelOf(language, name)}</span>`,
  );
  return html`<div class="stacks">${drawn}</div>
    <p class="key" aria-hidden="true">${legend}</p>`;
}

/** What a chart shows, for who cannot see it. */
function partsOf(rows: readonly AllocationRow[], name: WeightName, language: Language): string {
  const { format } = language;
  return rows
    .map((row) => `${labelText(language, row.key)} ${format.percent(weightOf(row, name) ?? ZERO)}`)
    .join(", ");
}

/** What the marks of the bars stand for. */
function key({ language, hasModel }: Shown): SafeHtml {
  const { allocation } = language.words;
  return html`<p class="key" aria-hidden="true">
    <span><i class="was"></i>${allocation.before}</span> <span><i class="is"></i>${allocation.after}</span>
    ${hasModel ? html`<span><i class="aim"></i>${allocation.model}</span>` : ""}
  </p>`;
}

function allocationTable(allocation: Allocation, shown: Shown, name: "classes" | "instruments"): SafeHtml {
  const { words, format } = shown.language;
  const { rows, others } = allocation;
  if (rows.length === 0) return html`<p>${words.allocation.none}</p>`;
  const weights = rows.flatMap((row) => [weightOf(row, "before"), weightOf(row, "after"), row.model]);
  const scale = scaleOf(weights.filter((weight) => weight !== null));
  const written = rows.map((row, at) => allocationRow(row, rowName(row, at, name, shown), scale, shown));
  if (others === null) return table(columnsOf(name, shown), written, `allocation ${name}`);
  const rest = html`<i>${words.allocation.others(format.count(others.count))}</i>`;
  const all = format.count(rows.length + others.count);
  return html`${table(columnsOf(name, shown), [...written, allocationRow(others, rest, null, shown)], `allocation ${name}`)}
    <p class="note">${words.allocation.othersNote(format.count(rows.length), all)}</p>`;
}

function rowName({ key: name }: AllocationRow, at: number, kind: string, { language }: Shown): Cell {
  if (kind === "instruments") return named(name);
  return html`<i class="swatch c${colourAt(at)}"></i>${labelOf(language, name)}`;
}

function columnsOf(name: "classes" | "instruments", { language, hasModel }: Shown): Column[] {
  const { allocation } = language.words;
  return [
    { label: name === "classes" ? allocation.assetClass : allocation.instrument, kind: "long" },
    { label: allocation.chart, kind: "chart" },
    { label: allocation.before, kind: "number" },
    { label: allocation.after, kind: "number" },
    { label: allocation.change, kind: "number" },
    ...(hasModel ? [{ label: allocation.model, kind: "number" } as const] : []),
    { label: allocation.value, kind: "number" },
  ];
}

/** Without a scale, no bars: what is summed up is not one holding. */
function allocationRow(
  row: Omit<AllocationRow, "key">,
  name: Cell,
  scale: Scale | null,
  { language, hasModel }: Shown,
): Row {
  const { format, words } = language;
  const [before, after] = [weightOf(row, "before"), weightOf(row, "after")];
  const written = (weight: Decimal | null) => (weight === null ? "–" : format.percent(weight));
  const label = words.allocation.bars(written(before), written(after), written(row.model));
  return {
    cells: [
      name,
      scale === null ? "" : bars({ before, after, model: row.model }, scale, label),
      written(before),
      written(after),
      format.percentChange(subtract(after ?? ZERO, before ?? ZERO)),
      ...(hasModel ? [written(row.model)] : []),
      row.after === null ? "–" : format.money(row.after.value),
    ],
  };
}
