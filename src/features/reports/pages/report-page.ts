import { html, type SafeHtml } from "@remix-run/html-template";
import { pageText } from "../../../platform/html/page.ts";
import type { Report, ReportContent } from "../core/report.ts";
import type { Language } from "../language.ts";
import { allocationSection } from "./allocation.ts";
import { costsSection } from "./costs.ts";
import { decisionsSection } from "./decisions.ts";
import { disclosuresSection, evidenceSection } from "./evidence.ts";
import { checksSection, suitabilitySection } from "./findings.ts";
import { notices, pageHead, pageTitle } from "./head.ts";
import { REPORT_STYLE } from "./style.ts";
import { summarySection } from "./summary.ts";
import { tradesSection } from "./trades.ts";

/** A report as a page: to read on a screen of any width, and to print. */
export function reportPage(report: Report, language: Language): string {
  const { content } = report;
  const { words } = language;
  const body = html`${pageHead(report, language)}
    <main>
      ${notices(report, language)} ${content === null ? "" : contentSections(content, language)}
      ${decisionsSection(report, language)} ${evidence(report, language)}
      ${content === null ? "" : disclosuresSection(content.disclosures, language)}
    </main>
    <footer><p>${words.foot.madeBy} ${words.foot.moments}</p></footer>`;
  return pageText({
    language: language.tag,
    title: pageTitle(report, language),
    style: REPORT_STYLE,
    body,
  });
}

function contentSections(content: ReportContent, language: Language): SafeHtml {
  return html`${summarySection(content, language)} ${allocationSection(content, language)}
  ${tradesSection(content, language)} ${costsSection(content, language)}
  ${suitabilitySection(content, language)} ${checksSection(content, language)}`;
}

function evidence({ evidence: shown, head, content }: Report, language: Language): SafeHtml {
  const context = {
    reportedAt: head.reportedAt,
    rulesVersion: content?.rulesVersion ?? null,
    unverified: language.words.evidence.hidden,
  };
  return evidenceSection(shown, context, language);
}
