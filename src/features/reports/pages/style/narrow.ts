import { html as css, type SafeHtml } from "@remix-run/html-template";

/** Rows of a table below each other: a name, then its cells with the names of their columns. */
export const NARROW: SafeHtml = css`
  @media screen and (max-width: 42rem) {
    table,
    tbody,
    tbody tr,
    tbody th,
    tbody td {
      display: block;
    }
    thead {
      display: none;
    }
    tbody tr {
      display: grid;
      grid-template-columns: 1fr 1fr;
      gap: 0.35rem 1rem;
      padding: 0.7rem 0;
      border-bottom: 1px solid var(--line);
    }
    tbody tr th,
    tbody tr td {
      border: 0;
      padding: 0;
      text-align: start;
      min-width: 0;
      white-space: normal;
    }
    tbody tr th,
    tbody tr .chart {
      grid-column: 1 / -1;
      width: auto;
    }
    tbody tr th {
      font-weight: 600;
    }
    tbody tr .number {
      text-align: start;
      white-space: normal;
      overflow-wrap: anywhere;
    }
    tbody tr time {
      white-space: normal;
    }
    .severity {
      white-space: normal;
    }
    .tiles,
    .figures,
    .facts {
      grid-template-columns: 1fr 1fr;
    }
    .tiles dd {
      font-size: 1.1rem;
    }
    .tiles > div,
    .figures > div {
      padding: 0.6rem 0.7rem;
    }
    tbody td::before {
      content: attr(data-label);
      display: block;
      color: var(--quiet);
      font-size: 0.75rem;
    }
    tbody td.chart::before {
      content: none;
    }
    tbody td.chart:empty {
      display: none;
    }
    table.allocation tbody tr {
      grid-template-columns: repeat(3, 1fr);
    }
    .codes > div {
      grid-template-columns: 1fr;
    }
    .stacks {
      grid-template-columns: 1fr;
      gap: 0.15rem;
    }
    .stacks svg {
      margin-bottom: 0.5rem;
    }
  }
`;
