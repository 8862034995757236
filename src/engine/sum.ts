import { add, ZERO, type Decimal } from "../decimal/decimal.ts";

/** A running sum from zero, rounded to 28 digits after each step as every addition is. */
export function sum(values: Iterable<Decimal>): Decimal {
  let total = ZERO;
  for (const value of values) total = add(total, value);
  return total;
}
