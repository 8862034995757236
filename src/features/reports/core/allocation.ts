import { absolute, add, compare, isZero, maximum, ZERO, type Decimal } from "../../../decimal/decimal.ts";
import { compareCodePoints } from "../../../engine/order.ts";
import type { Allocation, AllocationRow, Share } from "./report.ts";
import type { Metric } from "./stored.ts";

/** What a reader can take in; the rest is summed up in one row. */
export const MOST_INSTRUMENTS = 50;
export const MOST_ASSET_CLASSES = 12;

type Parts = {
  readonly before: readonly Metric[];
  readonly after: readonly Metric[];
  readonly model: ReadonlyMap<string, Decimal>;
};

/** Puts before, after and model side by side: the largest first, by the largest of the three, whatever its sign. */
export function allocationOf({ before, after, model }: Parts, most: number): Allocation {
  const sharesBefore = sharesOf(before);
  const sharesAfter = sharesOf(after);
  const keys = new Set([...sharesBefore.keys(), ...sharesAfter.keys(), ...model.keys()]);
  const rows = [...keys]
    .map((key) => ({
      key,
      before: sharesBefore.get(key) ?? null,
      after: sharesAfter.get(key) ?? null,
      model: model.get(key) ?? null,
    }))
    .filter(hasSomething)
    .map((row) => ({ row, size: sizeOf(row) }))
    .sort((a, b) => compare(b.size, a.size) || compareCodePoints(a.row.key, b.row.key))
    .map(({ row }) => row);
  if (rows.length <= most) return { rows, others: null };
  return { rows: rows.slice(0, most), others: sumOf(rows.slice(most)) };
}

/** An instrument may stand in a state more than once. */
function sharesOf(metrics: readonly Metric[]): Map<string, Share> {
  const shares = new Map<string, Share>();
  for (const { key, weight, value } of metrics)
    shares.set(key, together(shares.get(key) ?? null, { weight, value }));
  return shares;
}

function together(a: Share | null, b: Share): Share {
  if (a === null) return b;
  const { amount, currency } = a.value;
  return { weight: add(a.weight, b.weight), value: { amount: add(amount, b.value.amount), currency } };
}

function hasSomething({ before, after, model }: AllocationRow): boolean {
  return [before?.weight, after?.weight, model].some((weight) => !isZero(weight ?? ZERO));
}

function sizeOf({ before, after, model }: AllocationRow): Decimal {
  return [before?.weight, after?.weight, model].map((weight) => absolute(weight ?? ZERO)).reduce(maximum);
}

function sumOf(rows: readonly AllocationRow[]): NonNullable<Allocation["others"]> {
  let before: Share | null = null;
  let after: Share | null = null;
  let model: Decimal | null = null;
  for (const row of rows) {
    if (row.before !== null) before = together(before, row.before);
    if (row.after !== null) after = together(after, row.after);
    if (row.model !== null) model = add(model ?? ZERO, row.model);
  }
  return { count: rows.length, before, after, model };
}
