import fc from "fast-check";
import { test } from "vitest";

/** `ORACLE_RUNS` for more portfolios, `ORACLE_SEED` to see a failure again; the seed stands in the name of each test. */
const RUNS = Number(process.env["ORACLE_RUNS"] ?? 250);
const SEED = Number(process.env["ORACLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** What so many runs may take: a second for ten is far more than they need. */
const TIMEOUT = 30_000 + RUNS * 100;

/** A property that has to hold for random inputs; `share` of the usual number of them. */
export function oracle<T>(name: string, inputs: fc.Arbitrary<T>, holds: (input: T) => void, share = 1): void {
  test(
    `${name} (seed ${SEED})`,
    () => {
      fc.assert(fc.property(inputs, holds), { numRuns: Math.ceil(RUNS * share), seed: SEED });
    },
    TIMEOUT,
  );
}
