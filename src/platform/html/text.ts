import { html, type SafeHtml } from "@remix-run/html-template";

/**
 * Nobody sees them, but they change what is read: control and format characters (the bidirectional ones turn a name around),
 * private use, line separators, and code points that are no characters.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu;
const UNSEEN_BUT_LINES = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu;

function byItsNumber(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `⟨U+${hex}⟩`;
}

/** A text of a caller for a place where there can be no element, such as the title of a page. */
export function visibleText(text: string): string {
  return text.replaceAll(UNSEEN, byItsNumber);
}

/** A name or line of a caller: what is unseen in it is shown by its number, and its direction is its own affair. */
export function named(text: string): SafeHtml {
  return html`<bdi>${visibleText(text)}</bdi>`;
}

/** The same of a text of several lines. */
export function written(text: string): SafeHtml {
  const shown = text.replaceAll(/\r\n?/g, "\n").replaceAll(UNSEEN_BUT_LINES, byItsNumber);
  return html`<bdi class="written">${shown}</bdi>`;
}
