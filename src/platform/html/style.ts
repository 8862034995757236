import { html as css, type SafeHtml } from "@remix-run/html-template";

/** What all pages have in common: colours by day, by night and on paper, and how text stands. */
export const BASE_STYLE: SafeHtml = css`
  :root {
    color-scheme: light dark;
    --serif: "Iowan Old Style", Palatino, "Palatino Linotype", Georgia, "Liberation Serif", serif;
    --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
    --paper: #fff;
    --panel: #f6f4ef;
    --ink: #16202b;
    --quiet: #5b6672;
    --line: #dcdad3;
    --accent: #16324f;
    --gold: #a97c35;
    --was: #b9c4cf;
    --good: #1d6b3f;
    --bad: #a3231f;
    --open: #8a5a00;
    --buy: #1d6b3f;
    --sell: #8a3a17;
    --c1: #2f6f73;
    --c2: #5b86b0;
    --c3: #9aa96b;
    --c4: #8a5a72;
    --c5: #7a6ea6;
    --c6: #c2a878;
    --c7: #b5654a;
    --c8: #8c959e;
  }
  @media screen and (prefers-color-scheme: dark) {
    :root {
      --paper: #12171d;
      --panel: #1b222b;
      --ink: #e8e6e1;
      --quiet: #a3acb6;
      --line: #313a45;
      --accent: #8fb8dc;
      --gold: #d6a85c;
      --was: #47535f;
      --good: #74c796;
      --bad: #f0908a;
      --open: #e2b35a;
      --buy: #74c796;
      --sell: #eaa27f;
      --c1: #6fb3b0;
      --c2: #7fa8d1;
      --c3: #b7c58a;
      --c4: #c58ca8;
      --c5: #a99dd6;
      --c6: #8a7650;
      --c7: #d08a70;
      --c8: #77828d;
    }
  }
  * {
    box-sizing: border-box;
  }
  html {
    font-size: 100%;
    -webkit-text-size-adjust: 100%;
  }
  body {
    margin: 0 auto;
    padding: 2rem 1.25rem 3rem;
    max-width: 62rem;
    background: var(--paper);
    color: var(--ink);
    font: 1rem/1.5 var(--sans);
  }
  h1,
  h2 {
    font-family: var(--serif);
    font-weight: 600;
    line-height: 1.2;
  }
  h1 {
    font-size: 2rem;
    margin: 0.2rem 0 0;
    overflow-wrap: anywhere;
  }
  h2 {
    font-size: 1.4rem;
    margin: 2.4rem 0 0.9rem;
    padding-top: 0.9rem;
    border-top: 1px solid var(--line);
  }
  h3 {
    font-size: 1rem;
    margin: 1.5rem 0 0.3rem;
  }
  p {
    margin: 0.4rem 0;
  }
  ul {
    margin: 0.5rem 0;
    padding-inline-start: 1.2rem;
  }
  a {
    color: var(--accent);
  }
  .brand {
    display: flex;
    align-items: center;
    gap: 0.5rem;
    margin: 0;
    font-family: var(--serif);
    font-size: 1.1rem;
    letter-spacing: 0.02em;
  }
  .logo {
    width: 1.7rem;
    height: 1.7rem;
    print-color-adjust: exact;
    -webkit-print-color-adjust: exact;
  }
  .logo .hull {
    fill: var(--accent);
  }
  .logo .keel {
    stroke: var(--paper);
    stroke-width: 1.6;
  }
  .logo .weight {
    fill: var(--gold);
  }
  .mast {
    border-bottom: 2px solid var(--gold);
    padding-bottom: 1.4rem;
    margin-bottom: 1.4rem;
  }
  .kind {
    color: var(--quiet);
    margin: 1.2rem 0 0;
    text-transform: uppercase;
    letter-spacing: 0.09em;
    font-size: 0.8rem;
  }
  footer {
    border-top: 1px solid var(--line);
    margin-top: 2.4rem;
    padding-top: 0.8rem;
    color: var(--quiet);
    font-size: 0.84rem;
  }
  @media (max-width: 30rem) {
    body {
      padding: 1.2rem 1rem 2rem;
    }
    h1 {
      font-size: 1.6rem;
    }
  }
`;
