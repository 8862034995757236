import { html, type SafeHtml } from "@remix-run/html-template";
import {
  add,
  compare,
  divide,
  isNegative,
  isPositive,
  isZero,
  maximum,
  minimum,
  multiply,
  decimal,
  subtract,
  ZERO,
  type Decimal,
} from "../../../decimal/decimal.ts";
import { toFixedText } from "../../../decimal/text.ts";

/** Charts without a text in them: they are stretched to the width that there is, and the numbers stand beside them. */

/** Of a chart, from its left to its right edge. */
const WIDTH = decimal(100);

function place(share: Decimal): string {
  return toFixedText(multiply(share, WIDTH), 2);
}

/** From the least to the greatest of these weights, with zero in it. */
export type Scale = { readonly least: Decimal; readonly span: Decimal };

export function scaleOf(weights: Iterable<Decimal>): Scale {
  let least = ZERO;
  let greatest = ZERO;
  for (const weight of weights) {
    least = minimum(least, weight);
    greatest = maximum(greatest, weight);
  }
  const span = subtract(greatest, least);
  return { least, span: isZero(span) ? decimal(1) : span };
}

export type Bars = {
  readonly before: Decimal | null;
  readonly after: Decimal | null;
  readonly model: Decimal | null;
};

/** Before as a wide bar, after as a narrow one upon it, the model as a mark across both. */
export function bars({ before, after, model }: Bars, scale: Scale, label: string): SafeHtml {
  return html`<svg
    class="bars"
    viewBox="0 0 100 16"
    preserveAspectRatio="none"
    role="img"
    aria-label="${label}"
  >
    ${before === null ? "" : bar("was", before, scale, 2, 12)}
    ${after === null ? "" : bar("is", after, scale, 5, 6)} ${model === null ? "" : mark(model, scale)}
  </svg>`;
}

function onScale(weight: Decimal, { least, span }: Scale): Decimal {
  return divide(subtract(weight, least), span);
}

function bar(name: string, weight: Decimal, scale: Scale, y: number, height: number): SafeHtml {
  const zero = onScale(ZERO, scale);
  const end = onScale(weight, scale);
  const start = minimum(zero, end);
  const width = subtract(maximum(zero, end), start);
  return html`<rect
    class="${name}"
    x="${place(start)}"
    y="${y}"
    width="${place(width)}"
    height="${height}"
  />`;
}

function mark(weight: Decimal, scale: Scale): SafeHtml {
  const x = place(onScale(weight, scale));
  return html`<line class="aim" x1="${x}" x2="${x}" y1="0" y2="16" />`;
}

/** Shares of a whole, by the number of their colour. */
export type Segment = { readonly colour: number; readonly weight: Decimal };

/** One bar of all parts. Null where a part is negative, as an overdraft is: a whole has none. */
export function stackedBar(segments: readonly Segment[], label: string): SafeHtml | null {
  if (segments.some(({ weight }) => isNegative(weight))) return null;
  const total = segments.map(({ weight }) => weight).reduce(add, ZERO);
  if (!isPositive(total)) return null;
  let start = ZERO;
  const parts = segments.map(({ colour, weight }) => {
    const share = divide(weight, total);
    const rect = html`<rect
      class="c${colour}"
      x="${place(start)}"
      y="0"
      width="${place(share)}"
      height="16"
    />`;
    start = add(start, share);
    return compare(share, ZERO) > 0 ? rect : "";
  });
  return html`<svg
    class="stack"
    viewBox="0 0 100 16"
    preserveAspectRatio="none"
    role="img"
    aria-label="${label}"
  >
    ${parts}
  </svg>`;
}
