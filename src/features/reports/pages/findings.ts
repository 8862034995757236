import { html, type SafeHtml } from "@remix-run/html-template";
import type { Decimal } from "../../../decimal/decimal.ts";
import { named } from "../../../platform/html/text.ts";
import type { Check, Finding, ReportContent } from "../core/report.ts";
import { StoredDecimal } from "../core/stored.ts";
import type { Language } from "../language.ts";
import type { FindingFacts, Words } from "../words/en.ts";
import { labelOf, statementOf } from "./labels.ts";
import { table, type Cell } from "./table.ts";

export function suitabilitySection({ suitability }: ReportContent, language: Language): SafeHtml {
  if (suitability === null) return html``;
  const { words, format } = language;
  const { isAvailable, counts, findings } = suitability;
  const [fresh, persistent, resolved] = [counts.new, counts.persistent, counts.resolved].map(format.count);
  const body = !isAvailable
    ? html`<p>${words.suitability.unavailable}</p>`
    : findings.length === 0
      ? html`<p>${words.suitability.none}</p>`
      : html`<p>${words.suitability.counts(fresh ?? "", persistent ?? "", resolved ?? "")}</p>
          ${findingsTable(findings, language)}`;
  return html`<section class="suitability">
    <h2>${words.suitability.heading}</h2>
    ${body}
  </section>`;
}

function findingsTable(findings: readonly Finding[], language: Language): SafeHtml {
  const { suitability } = language.words;
  const columns = [
    { label: suitability.finding },
    { label: suitability.change },
    { label: suitability.severity },
    { label: suitability.dimension },
  ];
  const rows = findings.map((finding) => ({
    cells: [
      sentenceOf(finding, language),
      labelOf(language, finding.change),
      html`<span class="severity ${severityTone(finding)}">${labelOf(language, finding.severity)}</span>`,
      labelOf(language, finding.dimension),
    ],
    isMarked: finding.change === "NEW",
  }));
  return table(columns, rows, "findings");
}

/** What is resolved is no reason for concern. */
function severityTone({ severity, change }: Finding): string {
  if (change === "RESOLVED") return "good";
  return severity === "HIGH" ? "bad" : "open";
}

type Sentence = keyof Words["findings"];

/** In the words of the language where the finding is a known one, else as the engine wrote it. */
function sentenceOf({ id, summary, details }: Finding, language: Language): SafeHtml {
  const sentences = language.words.findings;
  const governance = /^SUIT_GOVERNANCE_[A-Z_]+$/.test(id)
    ? id.endsWith("_INCREASE")
      ? "increased"
      : "held"
    : id;
  const isKnown = (name: string): name is Sentence => Object.hasOwn(sentences, name);
  return isKnown(governance)
    ? sentences[governance](factsOf(details, language))
    : statementOf(language, summary);
}

function factsOf(details: Finding["details"], language: Language): FindingFacts {
  const share = (name: string): string => {
    const read = StoredDecimal.safeParse(details[name]);
    return read.success ? language.format.percent(read.data) : "–";
  };
  const { instrument_id, issuer_id, liquidity_tier, shelf_status, missing_fields } = details;
  const labels: Readonly<Record<string, string>> = language.words.labels;
  const what = shelf_status ?? missing_fields ?? "–";
  return {
    subject: instrument_id ?? issuer_id ?? liquidity_tier ?? "–",
    measured: share("measured"),
    limit: share("threshold"),
    least: share("threshold_min"),
    most: share("threshold_max"),
    what: (Object.hasOwn(labels, what) ? labels[what] : undefined) ?? what,
  };
}

export function checksSection(
  { checks, warnings, missingData }: ReportContent,
  language: Language,
): SafeHtml {
  const { words } = language;
  const columns = [
    { label: words.checks.rule },
    { label: words.checks.result },
    { label: words.checks.kind },
    { label: words.checks.measured, kind: "number" },
    { label: words.checks.limits, kind: "number" },
  ] as const;
  const rows = checks.map((check) => ({ cells: checkCells(check, language), isMarked: !check.passed }));
  return html`<section class="checks">
    <h2>${words.checks.heading}</h2>
    ${table(columns, rows, "rules")}
    ${
      warnings.length === 0
        ? ""
        : html`<h3>${words.checks.warnings}</h3>
            <ul>
              ${[...new Set(warnings)].map((warning) => html`<li>${labelOf(language, warning)}</li>`)}
            </ul>`
    }
    ${
      missingData.length === 0
        ? ""
        : html`<h3>${words.checks.missing}</h3>
            <ul>
              ${missingData.map(
                ({ kind, names }) =>
                  html`<li>
                    ${labelOf(language, kind)}:
                    ${names.map((name, at) => [at === 0 ? "" : ", ", named(name)])}
                  </li>`,
              )}
            </ul>`
    }
  </section>`;
}

/** Rules that measure a share of the portfolio; the others count, or measure units or money. */
const OF_SHARES: ReadonlySet<string> = new Set(["CASH_BAND", "SINGLE_POSITION_MAX"]);
const NO_LIMIT_SET = "NO_LIMIT_SET";

function checkCells({ rule, severity, passed, measured, limits, reason }: Check, language: Language): Cell[] {
  const { words, format } = language;
  const written = OF_SHARES.has(rule) ? format.percent : format.number;
  const hasNone = reason === NO_LIMIT_SET;
  return [
    labelOf(language, rule),
    passed
      ? html`<span class="severity good">${words.checks.passed}</span>`
      : html`<span class="severity ${severity === "HARD" ? "bad" : "open"}">${words.checks.failed}</span>`,
    labelOf(language, severity),
    hasNone ? "–" : written(measured),
    hasNone ? words.checks.noLimit : limitsOf(limits, written, language),
  ];
}

function limitsOf(
  { min, max }: Check["limits"],
  written: (value: Decimal) => string,
  { words }: Language,
): string {
  if (min !== null && max !== null) return words.checks.between(written(min), written(max));
  if (min !== null) return `≥ ${written(min)}`;
  return max === null ? words.checks.noLimit : `≤ ${written(max)}`;
}
