import { html, type SafeHtml } from "@remix-run/html-template";

/** The mark: a weight that hangs in the keel of a ship. */
export const LOGO: SafeHtml = html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
  <path class="hull" d="M3 9h26c0 10-5 17-13 20C8 26 3 19 3 9Z" />
  <path class="keel" d="M16 13v5" />
  <circle class="weight" cx="16" cy="21" r="3.5" />
</svg>`;

/** The same as a file of its own, for where no style sheet reaches. */
export const LOGO_FILE =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#16324f" d="M3 9h26c0 10-5 17-13 20C8 26 3 19 3 9Z"/><path stroke="#e9dcc3" stroke-width="1.6" d="M16 13v5"/><circle fill="#c39b5f" cx="16" cy="21" r="3.5"/></svg>';

/** With the name beside it, for a dark bar. */
export const LOGO_BANNER =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 140 32" height="40"><path fill="#e8e6e1" d="M3 7h26c0 10-5 17-13 20C8 24 3 17 3 7Z"/><path stroke="#16324f" stroke-width="1.6" d="M16 11v5"/><circle fill="#c39b5f" cx="16" cy="19" r="3.5"/><text x="40" y="23" fill="#e8e6e1" font-family="Georgia, serif" font-size="21">Ballast</text></svg>';

export const LOGO_URL = `data:image/svg+xml,${encodeURIComponent(LOGO_FILE)}`;
