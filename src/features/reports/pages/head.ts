import { html, type SafeHtml } from "@remix-run/html-template";
import { LOGO } from "../../../platform/html/logo.ts";
import { named, visibleText, written } from "../../../platform/html/text.ts";
import type { Evidence, Report } from "../core/report.ts";
import type { Language } from "../language.ts";
import { labelOf, moment } from "./labels.ts";
import { facts, type Cell } from "./table.ts";

/** For the tab of a browser and the name of a file. */
export function pageTitle({ kind, head }: Report, { words }: Language): string {
  const title = head.title ?? words.titleOf(kind, head.portfolioId);
  return visibleText(`${title} – ${words.kind[kind]}`);
}

export function pageHead(report: Report, language: Language): SafeHtml {
  const { kind, head } = report;
  const { words } = language;
  return html`<header class="mast">
    <p class="brand">${LOGO}<span>Ballast</span></p>
    <p class="kind">${words.kind[kind]}</p>
    <h1>${named(head.title ?? words.titleOf(kind, head.portfolioId))}</h1>
    <p class="badges">${badges(report, language)}</p>
    ${facts(headFacts(report, language))}
    ${
      head.notes === null
        ? ""
        : html`<div class="notes">
            <h2>${words.head.notes}</h2>
            <p>${written(head.notes)}</p>
          </div>`
    }
  </header>`;
}

function headFacts({ kind, head }: Report, language: Language): (readonly [string, Cell])[] {
  const { words } = language;
  const { version, mandateId, jurisdiction, createdBy } = head;
  const optional = (name: string, value: string | null): (readonly [string, Cell])[] =>
    value === null ? [] : [[name, named(value)]];
  return [
    [words.head.portfolio, named(head.portfolioId)],
    ...optional(words.head.mandate, mandateId),
    ...optional(words.head.jurisdiction, jurisdiction),
    ...(version === null
      ? []
      : ([[words.head.version, words.head.versionOf(version.shown, version.current)]] as const)),
    [words.labels[kind], named(head.id)],
    ...optional(words.head.createdBy, createdBy),
    [words.head.createdAt, moment(language, head.createdAt)],
    [words.head.reportedAt, moment(language, head.reportedAt)],
  ];
}

/** How a status is to be taken. */
const TONES: Readonly<Record<string, "good" | "bad" | "open">> = {
  READY: "good",
  APPROVED: "good",
  EXECUTION_READY: "good",
  EXECUTED: "good",
  NOT_REQUIRED: "good",
  COMPLETED: "good",
  BLOCKED: "bad",
  COMPLETED_WITH_FAILURES: "bad",
  REJECTED: "bad",
  CANCELLED: "bad",
  EXPIRED: "bad",
};

export function badge(language: Language, code: string, name?: string): SafeHtml {
  const tone = Object.hasOwn(TONES, code) ? (TONES[code] ?? "open") : "open";
  return html`<span class="badge ${tone}"
    >${name === undefined ? "" : `${name}: `}${labelOf(language, code)}</span
  >`;
}

function badges({ kind, head, content, evidence }: Report, language: Language): SafeHtml[] {
  const { words } = language;
  return [
    ...(content === null ? [] : [badge(language, content.status, words.summary.status)]),
    ...(head.state === null ? [] : [badge(language, head.state, words.head.state[kind])]),
    verificationBadge(evidence, language),
  ];
}

export function verificationBadge({ verification }: Evidence, { words }: Language): SafeHtml {
  const [tone, text] =
    verification === null
      ? ["open", words.badges.unchecked]
      : verification.valid
        ? ["good", words.badges.valid]
        : ["bad", words.badges.invalid];
  return html`<span class="badge ${tone}">${text}</span>`;
}

/** What a reader has to know before anything else. */
export function notices({ head, content, evidence }: Report, { words }: Language): SafeHtml[] {
  const { version, state } = head;
  const bad = [
    ...(evidence.verification?.valid === false ? [words.notices.unverified] : []),
    ...(content === null ? [words.notices.unreadable] : []),
    ...(content?.status === "BLOCKED" ? [words.notices.blocked] : []),
  ];
  const ended: Readonly<Record<string, string>> = version === null ? {} : words.notices.ended;
  const open = [
    ...(version !== null && version.shown < version.current
      ? [words.notices.superseded(version.shown, version.current)]
      : []),
    ...(state !== null && Object.hasOwn(ended, state) ? [ended[state] ?? ""] : []),
  ];
  return [
    ...bad.map((text) => html`<p class="notice bad">${text}</p>`),
    ...open.map((text) => html`<p class="notice open">${text}</p>`),
  ];
}
