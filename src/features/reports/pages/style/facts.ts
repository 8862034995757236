import { html as css, type SafeHtml } from "@remix-run/html-template";

/** Names and what they stand for. */
export const FACTS: SafeHtml = css`
  dl {
    margin: 0;
  }
  dt {
    color: var(--quiet);
    font-size: 0.82rem;
  }
  dd {
    margin: 0;
    overflow-wrap: anywhere;
  }
  .facts {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr));
    gap: 0.7rem 1.5rem;
  }
  .tiles,
  .figures {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr));
    gap: 0.8rem;
  }
  .tiles > div,
  .figures > div {
    background: var(--panel);
    border-top: 2px solid var(--gold);
    padding: 0.8rem 1rem;
  }
  .tiles dd {
    font-family: var(--serif);
    font-size: 1.35rem;
    line-height: 1.3;
  }
  .tiles small {
    font-family: var(--sans);
  }
  .figures dd {
    font-size: 1.1rem;
    font-variant-numeric: tabular-nums;
  }
  .codes > div {
    display: grid;
    grid-template-columns: 13rem 1fr;
    gap: 0 1rem;
    padding: 0.2rem 0;
  }
  code {
    font-family: ui-monospace, "DejaVu Sans Mono", monospace;
    font-size: 0.8rem;
    overflow-wrap: anywhere;
  }
`;
