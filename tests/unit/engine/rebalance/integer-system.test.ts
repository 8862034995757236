import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  independentRows,
  integerSystem,
  solveInteger,
} from "../../../../src/engine/rebalance/integer-system.ts";
import { LARGEST_PRIME, type SymmetricMatrix } from "../../../../src/engine/rebalance/modular-system.ts";

/** rows · rowsᵀ, the only matrices that the solver of target weights has. */
function productsOf(rows: readonly (readonly number[])[]): SymmetricMatrix {
  const products = rows.flatMap((a) =>
    rows.map((b) => a.reduce((sum, entry, at) => sum + entry * (b[at] ?? 0), 0)),
  );
  return { size: rows.length, entries: Float64Array.from(products) };
}

function times({ size, entries }: SymmetricMatrix, vector: readonly bigint[]): bigint[] {
  return Array.from({ length: size }, (_, row) =>
    vector.reduce((sum, value, column) => sum + value * BigInt(entries[row * size + column] ?? 0), 0n),
  );
}

const rows = (size: number) =>
  fc.array(fc.array(fc.integer({ min: -1, max: 1 }), { minLength: size, maxLength: size }), {
    minLength: 1,
    maxLength: size,
  });

/** Rows of A with right-hand sides of any size. */
const systems = fc.integer({ min: 1, max: 24 }).chain((size) =>
  fc.record({
    rows: rows(size),
    right: fc.array(fc.bigInt({ min: -(2n ** 170n), max: 2n ** 170n }), { minLength: size, maxLength: size }),
  }),
);

describe("systems of integers", () => {
  test("are solved exactly", () => {
    fc.assert(
      fc.property(systems, ({ rows: all, right }) => {
        const independent = independentRows(productsOf(all)).map((row) => all[row] ?? []);
        const matrix = productsOf(independent);
        const known = right.slice(0, independent.length);
        const { numerators, denominator } = solveInteger(integerSystem(matrix), known);
        expect(denominator > 0n).toBe(true);
        expect(times(matrix, numerators)).toEqual(known.map((value) => value * denominator));
      }),
    );
  });

  test("find the solution of a small one", () => {
    const matrix = { size: 2, entries: Float64Array.of(3, 1, 1, 2) };
    const { numerators, denominator } = solveInteger(integerSystem(matrix), [1n, 0n]);
    expect(numerators.map((numerator) => Number(numerator) / Number(denominator))).toEqual([0.4, -0.2]);
  });

  test("are solved where the first prime divides a pivot", () => {
    const matrix = { size: 2, entries: Float64Array.of(LARGEST_PRIME, 0, 0, 2) };
    const system = integerSystem(matrix);
    expect(system.factors.prime).toBe(8_388_587);
    const { numerators, denominator } = solveInteger(system, [1n, 1n]);
    expect(times(matrix, numerators)).toEqual([denominator, denominator]);
  });

  test("are empty without rows", () => {
    const system = integerSystem({ size: 0, entries: new Float64Array(0) });
    expect(solveInteger(system, [])).toMatchObject({ numerators: [], denominator: 1n });
  });

  test("leave out rows that depend on those before them", () => {
    const all = [
      [1, 1, 1, 1],
      [1, 1, 0, 0],
      [0, 0, 1, 1],
      [0, 1, 1, 0],
      [1, 1, 0, 0],
    ];
    expect(independentRows(productsOf(all))).toEqual([0, 1, 3]);
  });
});
