import { html, type SafeHtml } from "@remix-run/html-template";
import { named, written } from "../../../platform/html/text.ts";
import type { Approval, HistoryItem, Person, Report, Waiver } from "../core/report.ts";
import type { Language } from "../language.ts";
import type { Words } from "../words/en.ts";
import { labelOf, moment } from "./labels.ts";
import { table, type Cell, type Column } from "./table.ts";

export function decisionsSection(report: Report, language: Language): SafeHtml {
  const { words, format } = language;
  const { isShown, approvals, history, earlier } = report.decisions;
  if (!isShown) {
    return html`<section class="decisions">
      <h2>${words.decisions.heading}</h2>
      <p>${words.decisions.hidden}</p>
    </section>`;
  }
  const left =
    earlier === 0 ? "" : html`<p class="note">${words.decisions.earlier(format.count(earlier))}</p>`;
  return html`<section class="decisions">
    <h2>${words.decisions.heading}</h2>
    <h3>${words.decisions.approvals[report.kind]}</h3>
    ${approvals.length === 0 ? html`<p>${words.decisions.none}</p>` : approvalsTable(report, language)}
    ${
      history.length === 0
        ? left
        : html`<h3>${words.decisions.history}</h3>
            ${left} ${historyTable(history, report.head.version !== null, language)}`
    }
  </section>`;
}

function approvalsTable({ decisions, head }: Report, language: Language): SafeHtml {
  const { words } = language;
  const columns: Column[] = [
    { label: words.decisions.what },
    { label: words.decisions.decision },
    { label: words.decisions.who },
    ...(head.version === null ? [] : [{ label: words.decisions.version }]),
    { label: words.decisions.when },
    { label: words.decisions.details },
  ];
  const rows = decisions.approvals.map((approval) => ({
    cells: [
      labelOf(language, approval.type),
      verdict(approval, language),
      person(approval.person, language),
      ...(head.version === null ? [] : [versionOf(approval, head.version.shown, language)]),
      moment(language, approval.at),
      detailsOf(approval.details, language),
    ],
  }));
  return table(columns, rows, "approvals");
}

function verdict({ approved, waived }: Approval, { words }: Language): SafeHtml {
  const [tone, text] =
    approved === null
      ? ["open", "–"]
      : approved
        ? ["good", words.decisions.approved]
        : ["bad", words.decisions.denied];
  return html`<span class="severity ${tone}">${text}</span>${waivers(waived, words)}`;
}

function waivers(waived: readonly Waiver[], { decisions }: Words): SafeHtml[] {
  return waived.map((rule) => html`<small class="waived">${decisions.waived[rule]}</small>`);
}

function versionOf({ versionNo }: Approval, shown: number, { words }: Language): Cell {
  if (versionNo === null) return "–";
  return versionNo === shown
    ? String(versionNo)
    : html`${versionNo}<small>${words.decisions.otherVersion}</small>`;
}

/** Whom the token names matters where it is not who acted. */
function person({ actor, subject }: Person, { words }: Language): SafeHtml {
  return subject === null || subject === actor
    ? named(actor)
    : html`${named(actor)}<small>${words.decisions.signedInAs(named(subject))}</small>`;
}

function detailsOf(pairs: Approval["details"], language: Language): Cell {
  if (pairs.length === 0) return "–";
  return html`${pairs.map(({ name, text }) => html`<div>${labelOf(language, name)}: ${written(text)}</div>`)}`;
}

/** Everything that happened, oldest first. `hasVersions`: it happened to one version each. */
export function historyTable(
  history: readonly HistoryItem[],
  hasVersions: boolean,
  language: Language,
): SafeHtml {
  const { words } = language;
  const columns: Column[] = [
    { label: words.decisions.what },
    { label: words.decisions.who },
    ...(hasVersions ? [{ label: words.decisions.version }] : []),
    { label: words.decisions.state },
    { label: words.decisions.when },
  ];
  const rows = history.map((item) => ({
    cells: [
      what(item, language),
      item.person === null ? "–" : person(item.person, language),
      ...(hasVersions ? [item.versionNo === null ? "–" : String(item.versionNo)] : []),
      item.from === null || item.from === item.to
        ? labelOf(language, item.to)
        : html`${labelOf(language, item.from)} → ${labelOf(language, item.to)}`,
      moment(language, item.at),
    ],
  }));
  return table(columns, rows, "history");
}

function what({ event, waived, details: said }: HistoryItem, language: Language): SafeHtml {
  return html`${labelOf(language, event)}${waivers(waived, language.words)}${said.map(
    ({ name, text }) => html`<small>${labelOf(language, name)}: ${written(text)}</small>`,
  )}`;
}
