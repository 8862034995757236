import { html, type SafeHtml } from "@remix-run/html-template";
import { LOGO } from "../../../../platform/html/logo.ts";
import { pageText } from "../../../../platform/html/page.ts";
import { named, visibleText } from "../../../../platform/html/text.ts";
import type { WaveReport } from "../../core/wave-report.ts";
import type { Language } from "../../language.ts";
import { historyTable } from "../decisions.ts";
import { evidenceSection } from "../evidence.ts";
import { badge, verificationBadge } from "../head.ts";
import { moment } from "../labels.ts";
import { REPORT_STYLE } from "../style.ts";
import { facts, type Cell } from "../table.ts";
import { failuresSection } from "./failures.ts";
import { progressSection } from "./progress.ts";
import { cashSection, resultsSection } from "./sums.ts";
import { tradesSection } from "./trades.ts";

/** The report of a wave as a page: to read on a screen of any width, and to print. */
export function wavePage(report: WaveReport, language: Language): string {
  const { words } = language;
  const body = html`${pageHead(report, language)}
    <main>
      ${notices(report, language)} ${progressSection(report.progress, language)}
      ${resultsSection(report.results, language)} ${cashSection(report.cash, language)}
      ${tradesSection(report.trades, language)} ${failuresSection(report, language)}
      <section class="decisions">
        <h2>${words.decisions.history}</h2>
        ${historyTable(report.history, false, language)}
      </section>
      ${evidence(report, language)}
      <section class="disclosures">
        <h2>${words.disclosures.heading}</h2>
        <ul>
          <li>${words.disclosures.simulated}</li>
          <li>${words.costs.fees}</li>
          <li>${words.wave.rounding}</li>
        </ul>
      </section>
    </main>
    <footer><p>${words.wave.madeBy} ${words.foot.moments}</p></footer>`;
  const title = visibleText(`${report.head.name} – ${words.wave.kind}`);
  return pageText({ language: language.tag, title, style: REPORT_STYLE, body });
}

function pageHead({ head, progress, evidence: shown }: WaveReport, language: Language): SafeHtml {
  const { words, format } = language;
  const { policyPack: pack } = head;
  const pairs: readonly (readonly [string, Cell])[] = [
    [words.wave.portfolios, format.count(progress.counts.total)],
    [words.labels.wave, named(head.id)],
    ...(pack === null ? [] : ([[words.labels.policy_pack, named(`${pack.id} (${pack.version})`)]] as const)),
    [words.head.createdBy, named(head.createdBy)],
    [words.head.createdAt, moment(language, head.createdAt)],
    [words.wave.lastEvent, moment(language, head.lastEventAt)],
    [words.head.reportedAt, moment(language, head.reportedAt)],
  ];
  return html`<header class="mast">
    <p class="brand">${LOGO}<span>Ballast</span></p>
    <p class="kind">${words.wave.kind}</p>
    <h1>${named(head.name)}</h1>
    <p class="badges">
      ${badge(language, head.state, words.head.state.proposal)} ${verificationBadge(shown, language)}
    </p>
    ${facts(pairs)}
  </header>`;
}

function notices({ head, evidence: shown, failures }: WaveReport, { words, format }: Language): SafeHtml[] {
  const bad = [
    ...(shown.verification?.valid === false ? [words.notices.unverified] : []),
    ...(failures.count > 0 ? [words.wave.failed(format.count(failures.count))] : []),
  ];
  const open: Readonly<Record<string, string>> = words.wave.notices;
  const state = Object.hasOwn(open, head.state) ? open[head.state] : undefined;
  return [
    ...bad.map((text) => html`<p class="notice bad">${text}</p>`),
    ...(state === undefined ? [] : [html`<p class="notice open">${state}</p>`]),
  ];
}

function evidence({ evidence: shown, head }: WaveReport, language: Language): SafeHtml {
  const context = {
    reportedAt: head.reportedAt,
    rulesVersion: null,
    unverified: language.words.wave.unverified,
  };
  return evidenceSection(shown, context, language);
}
