import { html, type SafeHtml } from "@remix-run/html-template";
import { named, visibleText } from "../../../platform/html/text.ts";
import type { Language } from "../language.ts";

/** A code of a stored document in words; the code itself where there are none for it. */
export function labelOf(language: Language, code: string): SafeHtml {
  const label = knownLabel(language, code);
  return label === undefined ? named(code) : html`${label}`;
}

/** The same for a place where there can be no element. */
export function labelText(language: Language, code: string): string {
  return knownLabel(language, code) ?? visibleText(code);
}

function knownLabel({ words }: Language, code: string): string | undefined {
  const labels: Readonly<Record<string, string>> = words.labels;
  return Object.hasOwn(labels, code) ? labels[code] : undefined;
}

/** An English sentence of an artifact in the language of the report, or marked as English. */
export function statementOf({ tag, words }: Language, sentence: string): SafeHtml {
  if (tag.startsWith("en")) return named(sentence);
  const translation = Object.hasOwn(words.statements, sentence) ? words.statements[sentence] : undefined;
  return translation === undefined ? html`<span lang="en">${named(sentence)}</span>` : html`${translation}`;
}

export function moment({ format }: Language, timestamp: string): SafeHtml {
  return html`<time datetime="${timestamp}">${format.moment(timestamp)}</time>`;
}
