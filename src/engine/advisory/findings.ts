import type { SuitabilityIssue } from "../../contract/suitability.ts";
import { add, compare, decimal, multiply, type Decimal } from "../../decimal/decimal.ts";
import { toFixedText } from "../../decimal/text.ts";

/** A weight is over a limit only beyond this, so that the 28th digit of a division decides nothing. */
export const EPSILON = decimal("0.0000001");

const HUNDRED = decimal(100);

/** An issue as one state shows it; whether it is new is told by the other state. */
export type Finding = Omit<SuitabilityIssue, "evidence" | "status_change">;

/** The findings of one state by their issue key. */
export type Findings = ReadonlyMap<string, Finding>;

export function exceeds(weight: Decimal, limit: Decimal): boolean {
  return compare(weight, add(limit, EPSILON)) > 0;
}

/** A weight as people read it: `0.1234` is `12.34%`. */
export function percent(weight: Decimal): string {
  return `${toFixedText(multiply(weight, HUNDRED), 2)}%`;
}
