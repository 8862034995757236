import { absolute, add, divide, multiply, negate, subtract } from "./decimal.ts";
import * as exact from "./exact.ts";
import { totalOf } from "./operations.ts";
import { roundedQuotient } from "./quotient.ts";
import type { Decimal } from "./value.ts";

/** The operations whose results may be rounded. What calculates for several rules versions is given those of its own. */
export type Arithmetic = {
  readonly add: (a: Decimal, b: Decimal) => Decimal;
  readonly subtract: (a: Decimal, b: Decimal) => Decimal;
  readonly multiply: (a: Decimal, b: Decimal) => Decimal;
  readonly divide: (a: Decimal, b: Decimal) => Decimal;
  readonly negate: (value: Decimal) => Decimal;
  readonly absolute: (value: Decimal) => Decimal;
  /** From zero, one value after the other. */
  readonly sum: (values: Iterable<Decimal>) => Decimal;
  /** a ÷ b with so many decimals. */
  readonly roundedQuotient: (a: Decimal, b: Decimal, decimals: number) => Decimal;
};

/** Every result has at most 28 significant digits. */
export const ROUNDED: Arithmetic = {
  add,
  subtract,
  multiply,
  divide,
  negate,
  absolute,
  sum: (values) => totalOf(values, add),
  roundedQuotient,
};

/** Only quotients are rounded, to 34 significant digits. */
export const EXACT: Arithmetic = {
  add: exact.add,
  subtract: exact.subtract,
  multiply: exact.multiply,
  divide: exact.divide,
  negate: exact.negate,
  absolute: exact.absolute,
  sum: exact.sum,
  roundedQuotient: exact.roundedQuotient,
};
