import { html, type SafeHtml } from "@remix-run/html-template";
import { named, visibleText } from "../../../platform/html/text.ts";
import type { Disclosures, Evidence, Named, Verification } from "../core/report.ts";
import type { Language } from "../language.ts";
import { labelOf, statementOf } from "./labels.ts";
import { facts, table, type Cell } from "./table.ts";

/** What the page is told beside the evidence. `unverified`: why nothing was verified, where nothing was. */
export type EvidenceContext = {
  readonly reportedAt: string;
  readonly rulesVersion: string | null;
  readonly unverified: string;
};

export function evidenceSection(
  evidence: Evidence,
  { reportedAt, rulesVersion, unverified }: EvidenceContext,
  language: Language,
): SafeHtml {
  const { words, format } = language;
  const { verification, ids, hashes, engineVersion } = evidence;
  const codes: readonly Named[] = [
    ...ids,
    ...(engineVersion === null ? [] : [{ name: words.evidence.engine, value: engineVersion }]),
    ...(rulesVersion === null ? [] : [{ name: words.evidence.rules, value: rulesVersion }]),
  ];
  return html`<section class="evidence">
    <h2>${words.evidence.heading}</h2>
    <h3>${words.evidence.verification}</h3>
    ${
      verification === null
        ? html`<p>${unverified}</p>`
        : verdict(verification, format.moment(reportedAt), language)
    }
    <h3>${words.evidence.hashes}</h3>
    ${facts(hashes.map(codeOf), "codes")}
    <h3>${words.evidence.identifiers}</h3>
    ${facts(codes.map(codeOf), "codes")}
  </section>`;
}

function codeOf({ name, value }: Named): readonly [string, Cell] {
  return [name, html`<code>${visibleText(value)}</code>`];
}

function verdict({ valid, checked, failures }: Verification, moment: string, language: Language): SafeHtml {
  const { words, format } = language;
  const counts = Object.entries(checked).map(
    ([kind, count], at) => html`${at === 0 ? "" : ", "}${labelOf(language, kind)} ${format.count(count)}`,
  );
  return html`<p class="notice ${valid ? "good" : "bad"}">
      ${valid ? words.evidence.valid(moment) : words.evidence.invalid(moment)}
    </p>
    ${valid ? "" : failuresTable(failures, language)}
    <p class="note">${words.evidence.checked}: ${counts}.</p>`;
}

function failuresTable(failures: Verification["failures"], language: Language): SafeHtml {
  const { words } = language;
  const columns = [
    { label: words.evidence.record },
    { label: words.evidence.id, kind: "long" },
    { label: words.evidence.fault },
  ] as const;
  const rows = failures.map(({ kind, id, reason }) => ({
    cells: [labelOf(language, kind), named(id), statementOf(language, reason)],
    isMarked: true,
  }));
  return table(columns, rows, "failures");
}

export function disclosuresSection(disclosures: Disclosures, language: Language): SafeHtml {
  const { words } = language;
  const { statements, documents } = disclosures;
  const sentences =
    statements.length === 0
      ? [words.disclosures.simulated]
      : statements.map((sentence) => statementOf(language, sentence));
  return html`<section class="disclosures">
    <h2>${words.disclosures.heading}</h2>
    ${facts(assumptionFacts(disclosures, language))}
    <ul>
      ${sentences.map((sentence) => html`<li>${sentence}</li>`)}
      <li>${words.disclosures.rounding}</li>
    </ul>
    ${
      documents.length === 0
        ? ""
        : html`<h3>${words.disclosures.documents}</h3>
            <ul class="documents">
              ${documents.map(({ reference }) => html`<li>${statementOf(language, reference)}</li>`)}
            </ul>`
    }
  </section>`;
}

function assumptionFacts(disclosures: Disclosures, language: Language): (readonly [string, Cell])[] {
  const { words } = language;
  const { marketData, pricesAsOf, ratesAsOf, valuationMode } = disclosures;
  const optional = (name: string, value: string | null): (readonly [string, Cell])[] =>
    value === null ? [] : [[name, named(value)]];
  return [
    ...optional(words.disclosures.marketData, marketData),
    ...optional(words.disclosures.pricesAsOf, pricesAsOf),
    ...optional(words.disclosures.ratesAsOf, ratesAsOf),
    ...(valuationMode === null
      ? []
      : ([[words.disclosures.valuation, labelOf(language, valuationMode)]] as const)),
  ];
}
