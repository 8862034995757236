import { html, type SafeHtml } from "@remix-run/html-template";

/** `number`: aligned by its end. `long`: may be broken anywhere, as hashes and ids are. */
export type Column = { readonly label: string; readonly kind?: "text" | "number" | "long" | "chart" };

export type Cell = SafeHtml | string;

/** `isMarked`: a row that a reader must not miss. */
export type Row = { readonly cells: readonly Cell[]; readonly isMarked?: boolean };

/**
 * A table whose head repeats on each printed page, and whose rows stand below each other where the screen is narrow: each cell
 * carries the name of its column for that. The first cell names its row.
 */
export function table(columns: readonly Column[], rows: readonly Row[], name: string): SafeHtml {
  return html`<table class="${name}">
    <thead>
      <tr>
        ${columns.map(({ label, kind = "text" }) => html`<th scope="col" class="${kind}">${label}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(({ cells, isMarked = false }) => tableRow(columns, cells, isMarked))}
    </tbody>
  </table>`;
}

function tableRow(columns: readonly Column[], cells: readonly Cell[], isMarked: boolean): SafeHtml {
  return html`<tr${isMarked ? html` class="marked"` : ""}>${columns.map(({ label, kind = "text" }, at) =>
    at === 0
      ? html`<th scope="row" class="${kind}">${cells[at]}</th>`
      : html`<td class="${kind}" data-label="${label}">${cells[at]}</td>`,
  )}</tr>`;
}

/** Names and what they stand for. */
export function facts(pairs: readonly (readonly [name: string, value: Cell])[], name = "facts"): SafeHtml {
  return html`<dl class="${name}">
    ${pairs.map(
      ([term, value]) =>
        html`<div>
          <dt>${term}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}
