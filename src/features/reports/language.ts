import Negotiator from "negotiator";
import { formatsOf, type Format } from "./format.ts";
import { de } from "./words/de.ts";
import { en, type Words } from "./words/en.ts";

/** What a report can be in, the preferred first. Regions differ in how numbers and dates are written. */
const LANGUAGES = [
  { tag: "en", words: en, intl: "en-GB" },
  { tag: "en-GB", words: en, intl: "en-GB" },
  { tag: "en-US", words: en, intl: "en-US" },
  { tag: "de", words: de, intl: "de-DE" },
  { tag: "de-CH", words: de, intl: "de-CH" },
  { tag: "de-AT", words: de, intl: "de-AT" },
] as const;

/** BCP 47. */
export type LanguageTag = (typeof LANGUAGES)[number]["tag"];

export type Language = { readonly tag: LanguageTag; readonly words: Words; readonly format: Format };

const DEFAULT = LANGUAGES[0];

/** The one that a reader likes best, by `Accept-Language`; English where the reader knows none of them. */
export function preferredLanguage(acceptLanguage: string | undefined): LanguageTag {
  const negotiator = new Negotiator({ headers: { "accept-language": acceptLanguage } });
  const preferred = negotiator.language(LANGUAGES.map(({ tag }) => tag));
  return LANGUAGES.find(({ tag }) => tag === preferred)?.tag ?? DEFAULT.tag;
}

export function languageOf(wanted: LanguageTag): Language {
  const { tag, words, intl } = LANGUAGES.find((language) => language.tag === wanted) ?? DEFAULT;
  return { tag, words, format: formatsOf(intl) };
}
