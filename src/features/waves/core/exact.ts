/** Sums that lose no digit: those of the engine are rounded to 28, and a sum over many runs may need more. */

/** units × 10^-scale. */
export type Exact = { readonly units: bigint; readonly scale: number };

export const NOTHING: Exact = { units: 0n, scale: 0 };

/** Reads the canonical text of a decimal: it has no exponent. */
export function exactOf(text: string): Exact {
  const point = text.indexOf(".");
  if (point < 0) return { units: BigInt(text), scale: 0 };
  return { units: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 };
}

export function addExact(a: Exact, b: Exact): Exact {
  const scale = Math.max(a.scale, b.scale);
  return { units: unitsAt(a, scale) + unitsAt(b, scale), scale };
}

function unitsAt({ units, scale }: Exact, wanted: number): bigint {
  return wanted === scale ? units : units * 10n ** BigInt(wanted - scale);
}

/** Plain digits, as a database reads them. */
export function exactText({ units, scale }: Exact): string {
  if (scale === 0) return String(units);
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return `${units < 0n ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point)}`;
}
