import { html as css, type SafeHtml } from "@remix-run/html-template";

/** Charts: before in grey, after in blue, the model in gold; parts of a whole in colours of their own. */
export const CHARTS: SafeHtml = css`
  .chart {
    width: 26%;
    min-width: 7rem;
    vertical-align: middle;
  }
  thead .chart {
    vertical-align: bottom;
  }
  svg.bars {
    display: block;
    width: 100%;
    height: 1.15rem;
  }
  svg.stack {
    display: block;
    width: 100%;
    height: 1.5rem;
  }
  .was {
    fill: var(--was);
    background: var(--was);
  }
  .is {
    fill: var(--accent);
    background: var(--accent);
  }
  .aim {
    stroke: var(--gold);
    background: var(--gold);
    stroke-width: 2.5px;
    vector-effect: non-scaling-stroke;
  }
  .stacks {
    display: grid;
    grid-template-columns: max-content 1fr;
    gap: 0.35rem 1rem;
    align-items: center;
    margin: 1rem 0;
  }
  .stack rect {
    stroke: var(--paper);
    stroke-width: 1px;
    vector-effect: non-scaling-stroke;
  }
  .key {
    display: flex;
    flex-wrap: wrap;
    gap: 0.3rem 1.2rem;
    margin: 0.8rem 0 0;
  }
  .key i {
    display: inline-block;
    width: 1.2rem;
    height: 0.7rem;
    margin-inline-end: 0.4rem;
  }
  .key i.is {
    height: 0.35rem;
    vertical-align: 0.17rem;
  }
  .key i.aim {
    width: 3px;
    height: 0.9rem;
    vertical-align: -0.1rem;
  }
  .swatch {
    display: inline-block;
    width: 0.75rem;
    height: 0.75rem;
    margin-inline-end: 0.5rem;
  }
  .c1 {
    fill: var(--c1);
    background: var(--c1);
  }
  .c2 {
    fill: var(--c2);
    background: var(--c2);
  }
  .c3 {
    fill: var(--c3);
    background: var(--c3);
  }
  .c4 {
    fill: var(--c4);
    background: var(--c4);
  }
  .c5 {
    fill: var(--c5);
    background: var(--c5);
  }
  .c6 {
    fill: var(--c6);
    background: var(--c6);
  }
  .c7 {
    fill: var(--c7);
    background: var(--c7);
  }
  .c8 {
    fill: var(--c8);
    background: var(--c8);
  }
  .was,
  .is,
  .aim,
  .swatch,
  svg rect {
    print-color-adjust: exact;
    -webkit-print-color-adjust: exact;
  }
  .documents {
    columns: 2 18rem;
  }
`;
