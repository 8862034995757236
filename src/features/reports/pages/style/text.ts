import { html as css, type SafeHtml } from "@remix-run/html-template";

/** Badges, notices and notes. */
export const TEXT: SafeHtml = css`
  .badges {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem;
    margin: 0.9rem 0 1.2rem;
  }
  .badge {
    border: 1px solid;
    border-radius: 999px;
    padding: 0.15rem 0.75rem;
    font-size: 0.82rem;
    font-weight: 600;
  }
  .good {
    color: var(--good);
  }
  .bad {
    color: var(--bad);
  }
  .open {
    color: var(--open);
  }
  .severity {
    font-weight: 600;
    white-space: nowrap;
  }
  .notice {
    border-left: 4px solid;
    background: var(--panel);
    padding: 0.7rem 1rem;
    margin: 0 0 0.8rem;
    font-weight: 600;
  }
  .notice.good {
    font-weight: 400;
  }
  .note,
  small,
  .key {
    color: var(--quiet);
    font-size: 0.84rem;
  }
  small {
    display: block;
    font-weight: 400;
  }
  .glance h2 {
    border-top: 0;
    margin-top: 0;
    padding-top: 0;
  }
  .written {
    white-space: pre-line;
  }
  .notes {
    border-left: 3px solid var(--gold);
    padding-left: 1rem;
    margin-top: 1.4rem;
    max-width: 46rem;
  }
  .notes h2 {
    font-size: 0.84rem;
    margin: 0;
    border: 0;
    padding: 0;
    color: var(--quiet);
    font-family: var(--sans);
  }
  .notes p {
    margin: 0.2rem 0 0;
  }
`;
