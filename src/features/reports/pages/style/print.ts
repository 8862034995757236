import { html as css, type SafeHtml } from "@remix-run/html-template";

/** On A4: heads of tables repeat, what belongs together stays on one page. */
export const PRINTED: SafeHtml = css`
  @page {
    size: A4;
    margin: 16mm 15mm 18mm;
    @bottom-right {
      content: counter(page) " / " counter(pages);
      font: 8pt sans-serif;
      color: #666;
    }
    @bottom-left {
      content: "Ballast";
      font: 8pt sans-serif;
      color: #666;
    }
  }
  @media print {
    html {
      font-size: 9.5pt;
    }
    h2 {
      margin-top: 1.5rem;
      padding-top: 0.6rem;
    }
    h3 {
      margin-top: 1rem;
    }
    body {
      max-width: none;
      margin: 0;
      padding: 0;
    }
    thead {
      display: table-header-group;
    }
    tr,
    .tiles > div,
    .figures > div,
    .notice,
    .stacks,
    .notes {
      break-inside: avoid;
    }
    h2,
    h3,
    thead,
    tbody tr:nth-child(-n + 2),
    .key {
      break-after: avoid;
    }
    tbody tr:nth-last-child(-n + 2) {
      break-before: avoid;
    }
    .glance,
    .costs {
      break-inside: avoid;
    }
    p,
    li {
      orphans: 3;
      widows: 3;
    }
    th,
    td {
      padding-top: 0.3rem;
      padding-bottom: 0.3rem;
    }
    .tiles {
      grid-template-columns: repeat(3, 1fr);
    }
    .figures {
      grid-template-columns: repeat(4, 1fr);
    }
    .facts {
      grid-template-columns: repeat(4, 1fr);
    }
    .tiles dd {
      font-size: 1.15rem;
    }
    code {
      font-size: 0.74rem;
    }
    footer {
      break-before: avoid;
    }
  }
`;
