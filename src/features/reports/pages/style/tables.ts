import { html as css, type SafeHtml } from "@remix-run/html-template";

/** Tables. */
export const TABLES: SafeHtml = css`
  table {
    width: 100%;
    border-collapse: collapse;
    margin: 0.4rem 0 1rem;
  }
  th,
  td {
    text-align: start;
    vertical-align: baseline;
    padding: 0.45rem 0.6rem;
    border-bottom: 1px solid var(--line);
  }
  th:first-child,
  td:first-child {
    padding-inline-start: 0;
  }
  th:last-child,
  td:last-child {
    padding-inline-end: 0;
  }
  thead th {
    color: var(--quiet);
    font-size: 0.8rem;
    font-weight: 600;
    border-bottom: 1px solid var(--ink);
    vertical-align: bottom;
  }
  tbody th {
    font-weight: 500;
  }
  .number {
    text-align: end;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  thead .number {
    white-space: normal;
  }
  td time {
    white-space: nowrap;
  }
  .long {
    overflow-wrap: anywhere;
  }
  tr.marked th {
    box-shadow: inset 3px 0 0 var(--open);
    padding-inline-start: 0.6rem;
  }
  .side {
    font-weight: 600;
  }
  .side.buy {
    color: var(--buy);
  }
  .side.sell {
    color: var(--sell);
  }
  .waived {
    color: var(--open);
  }
`;
