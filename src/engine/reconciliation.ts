import type { Reconciliation, RuleResult } from "../contract/rules.ts";
import type { Arithmetic } from "../decimal/arithmetic.ts";
import { compare, decimal, type Decimal } from "../decimal/decimal.ts";
import { toText } from "../decimal/text.ts";
import { moneyText } from "./money.ts";
import { ruleResult } from "./rules.ts";

const ABSOLUTE_TOLERANCE = decimal("0.5");
const RELATIVE_TOLERANCE = decimal("0.0005");

/** Totals in base currency. */
export type Totals = {
  readonly before: Decimal;
  readonly after: Decimal;
  /** What `after` should be. */
  readonly expected: Decimal;
  /** The relative part of the tolerance is a share of this; a negative value reduces the tolerance. */
  readonly toleranceBase: Decimal;
};

export type ReconciliationOutcome = {
  readonly reconciliation: Reconciliation;
  /** The failed rule, null when the totals agree. */
  readonly mismatch: RuleResult | null;
};

/** Checks that the trades preserve value, with a tolerance of 0.5 in base currency plus 5 basis points. */
export function reconcile(
  totals: Totals,
  baseCurrency: string,
  { absolute, add, multiply, subtract }: Arithmetic,
): ReconciliationOutcome {
  const { before, after } = totals;
  const tolerance = add(ABSOLUTE_TOLERANCE, multiply(totals.toleranceBase, RELATIVE_TOLERANCE));
  const difference = absolute(subtract(after, totals.expected));
  const agrees = compare(difference, tolerance) <= 0;
  const reconciliation: Reconciliation = {
    after_total_value: moneyText(after, baseCurrency),
    before_total_value: moneyText(before, baseCurrency),
    delta: moneyText(subtract(after, before), baseCurrency),
    status: agrees ? "OK" : "MISMATCH",
    tolerance: moneyText(tolerance, baseCurrency),
  };
  return { reconciliation, mismatch: agrees ? null : mismatchRule(difference, tolerance) };
}

function mismatchRule(difference: Decimal, tolerance: Decimal): RuleResult {
  return ruleResult({
    rule_id: "RECONCILIATION",
    severity: "HARD",
    measured: difference,
    threshold: { max: toText(tolerance) },
    failure: {
      code: "VALUE_MISMATCH",
      hint: "Check trusted market values and FX quotes: the totals before and after do not agree.",
    },
  });
}
