import type { SuitabilityIssue } from "../../contract/suitability.ts";
import type { Arithmetic } from "../../decimal/arithmetic.ts";
import { compare, decimal, multiply, type Decimal } from "../../decimal/decimal.ts";
import { toFixedText } from "../../decimal/text.ts";

/** Tolerance of every limit, so that a rounding error in the 28th digit of a weight causes no issue. */
export const EPSILON = decimal("0.0000001");

const HUNDRED = decimal(100);

/** An issue of one state. Comparison with the other state tells whether it is new. */
export type Finding = Omit<SuitabilityIssue, "evidence" | "status_change">;

/** The findings of one state by their issue key. */
export type Findings = ReadonlyMap<string, Finding>;

export function exceeds(weight: Decimal, limit: Decimal, { add }: Arithmetic): boolean {
  return compare(weight, add(limit, EPSILON)) > 0;
}

/** A weight as a percentage with two decimals: `0.1234` is `12.34%`. */
export function percent(weight: Decimal): string {
  return `${toFixedText(multiply(weight, HUNDRED), 2)}%`;
}
