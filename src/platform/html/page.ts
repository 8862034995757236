import { hash } from "node:crypto";
import { html, type SafeHtml } from "@remix-run/html-template";
import { LOGO_URL } from "./logo.ts";

/** The style sheet of a page, as the element that stands in it and the header that allows this one and nothing else. */
export type StyleSheet = { readonly element: SafeHtml; readonly policy: string };

/**
 * A page with this style sheet loads nothing, runs nothing, sends nothing and stands in no frame. The style is known by its
 * hash: no other one counts, whatever stands in the page.
 */
export function styleSheet(text: SafeHtml): StyleSheet {
  // prettier-ignore
  const element = html`<style>${text}</style>`; // not a blank more: the hash is of what is between the tags
  const digest = hash("sha256", String(text), "base64");
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${digest}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { element, policy };
}

export type Page = {
  /** BCP 47, of the text of the page. */
  readonly language: string;
  readonly title: string;
  readonly style: StyleSheet;
  readonly body: SafeHtml;
};

/** The whole page. Values in templates are escaped by the template; no page has a script. */
export function pageText({ language, title, style, body }: Page): string {
  return String(
    html`<!doctype html>
      <html lang="${language}">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="referrer" content="no-referrer" />
          <title>${title}</title>
          <link rel="icon" href="${LOGO_URL}" />
          ${style.element}
        </head>
        <body>
          ${body}
        </body>
      </html> `,
  );
}
