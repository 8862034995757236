import { html, html as css } from "@remix-run/html-template";
import { LOGO } from "../../platform/html/logo.ts";
import { pageText, styleSheet } from "../../platform/html/page.ts";
import { BASE_STYLE } from "../../platform/html/style.ts";

const STYLE = styleSheet(css`
  ${BASE_STYLE}
  body {
    max-width: 44rem;
  }
  .brand {
    font-size: 2rem;
  }
  .brand .logo {
    width: 3rem;
    height: 3rem;
  }
  h1 {
    font-size: 2rem;
    margin: 0;
  }
  .lead {
    font-size: 1.15rem;
    margin: 1.2rem 0 2rem;
  }
  .links {
    list-style: none;
    padding: 0;
    display: grid;
    gap: 0.8rem;
  }
  .links a {
    display: block;
    background: var(--panel);
    border-left: 3px solid var(--gold);
    padding: 0.8rem 1rem;
    color: var(--ink);
    text-decoration: none;
  }
  .links a:hover strong,
  .links a:focus strong {
    text-decoration: underline;
  }
  .links strong {
    color: var(--accent);
  }
  .links span {
    display: block;
    color: var(--quiet);
  }
`);

const LINKS = [
  ["/docs", "Try it", "Every operation, with examples that can be sent from the page."],
  ["/openapi.json", "OpenAPI document", "For generating a client in the language that you have."],
  ["/health/ready", "Readiness", "Whether the service and its database take requests now."],
] as const;

/** What somebody sees who opens the address of the service in a browser. */
export function startPage(version: string) {
  const body = html`<header>
      <div class="brand">
        ${LOGO}
        <h1>Ballast</h1>
      </div>
    </header>
    <main>
      <p class="lead">
        A durable HTTP service for private-bank portfolio work: advisory proposals from draft to execution,
        and discretionary rebalances. No acknowledged write is lost, no retry acts twice, and every result can
        be reproduced.
      </p>
      <ul class="links">
        ${LINKS.map(
          ([address, name, text]) =>
            html`<li>
              <a href="${address}"><strong>${name}</strong><span>${text}</span></a>
            </li>`,
        )}
      </ul>
    </main>
    <footer><p>Version ${version}</p></footer>`;
  const language = "en";
  return { text: pageText({ language, title: "Ballast", style: STYLE, body }), style: STYLE, language };
}
