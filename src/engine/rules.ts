import type { EngineOptions } from "../contract/options.ts";
import type { RuleResult, RunStatus } from "../contract/rules.ts";
import {
  add,
  compare,
  decimal,
  isNegative,
  maximum,
  minimum,
  ZERO,
  type Decimal,
} from "../decimal/decimal.ts";
import { toText } from "../decimal/text.ts";
import { blockingGapCount, type DataQualityLog } from "./diagnostics.ts";
import type { Lookups } from "./lookups.ts";
import { weightOf, type Valuation } from "./valuation.ts";

/** By how much a simulated weight may exceed the limit, because trades are in whole units. */
const SINGLE_POSITION_TOLERANCE = decimal("0.001");

/**
 * What the rules evaluate: a valued state, the data quality log so far, and the number of suppressed trades.
 */
export type RuleInput = {
  readonly valuation: Valuation;
  readonly options: EngineOptions;
  readonly dataQuality: DataQualityLog;
  readonly suppressedCount: number;
  /** Held, and not to be traded: no rule asks for less of it. */
  readonly locked: ReadonlySet<string>;
  readonly lookups: Lookups;
};

/**
 * Evaluates all standard rules in this order. A rule has one result, but SINGLE_POSITION_MAX has one for each
 * position above the limit.
 */
export function evaluateRules(input: RuleInput): RuleResult[] {
  return [
    cashBand(input),
    ...singlePositionMax(input),
    dataQuality(input),
    minTradeSize(input),
    noShorting(input),
    insufficientCash(input),
  ];
}

type RuleEvaluation = Pick<RuleResult, "rule_id" | "severity" | "threshold"> & {
  readonly measured: Decimal;
  /** Null when the rule passes. */
  readonly failure: { readonly code: string; readonly hint: string } | null;
  readonly passCode?: string;
};

/** A rule result in its wire shape; the rules of a single engine use it too. */
export function ruleResult({
  rule_id,
  severity,
  threshold,
  measured,
  failure,
  passCode,
}: RuleEvaluation): RuleResult {
  return {
    measured: toText(measured),
    reason_code: failure?.code ?? passCode ?? "OK",
    remediation_hint: failure?.hint ?? null,
    rule_id,
    severity,
    status: failure === null ? "PASS" : "FAIL",
    threshold,
  };
}

export function cashBand({ valuation, options }: RuleInput): RuleResult {
  const { cash_band_min_weight: min, cash_band_max_weight: max } = options;
  const weight = valuation.cashWeight;
  const outside = compare(weight, min) < 0 || compare(weight, max) > 0;
  return ruleResult({
    rule_id: "CASH_BAND",
    severity: "SOFT",
    measured: weight,
    threshold: { max: toText(max), min: toText(min) },
    failure: outside
      ? { code: "THRESHOLD_BREACH", hint: "Bring the cash weight back inside its band, or have it reviewed." }
      : null,
  });
}

export const SINGLE_POSITION = { rule_id: "SINGLE_POSITION_MAX", severity: "HARD" } as const;

export const NO_SINGLE_LIMIT = ruleResult({
  ...SINGLE_POSITION,
  measured: ZERO,
  threshold: { max: "-1" },
  failure: null,
  passCode: "NO_LIMIT_SET",
});

function singlePositionMax({ valuation, options }: RuleInput): RuleResult[] {
  const limit = options.single_position_max_weight;
  const base = SINGLE_POSITION;
  if (limit === null) return [NO_SINGLE_LIMIT];
  const threshold = { max: toText(limit) };
  const ceiling = add(limit, SINGLE_POSITION_TOLERANCE);
  const largest = largestWeight(valuation);
  if (compare(largest, ceiling) <= 0)
    return [ruleResult({ ...base, measured: largest, threshold, failure: null })];
  return valuation.positions.flatMap((position) => {
    const weight = weightOf(position, valuation);
    if (compare(weight, ceiling) <= 0) return [];
    const hint = `Reduce ${position.instrumentId} to the single position limit.`;
    return [ruleResult({ ...base, measured: weight, threshold, failure: { code: "LIMIT_BREACH", hint } })];
  });
}

/**
 * Divides only once: the largest value has the largest weight, or the smallest value if the total is negative.
 */
export function largestWeight({ arithmetic, positions, divisor }: Valuation): Decimal {
  const larger = isNegative(divisor) ? minimum : maximum;
  const [first, ...others] = positions;
  if (first === undefined) return ZERO;
  return arithmetic.divide(
    others.reduce((extreme, { valueInBase }) => larger(extreme, valueInBase), first.valueInBase),
    divisor,
  );
}

export function dataQuality({ options, dataQuality: log }: RuleInput): RuleResult {
  const count = blockingGapCount(log, options);
  return ruleResult({
    rule_id: "DATA_QUALITY",
    severity: "HARD",
    measured: decimal(count),
    threshold: { max: "0" },
    failure:
      count > 0
        ? { code: "MISSING_DATA", hint: "Supply the missing prices, FX rates or shelf entries." }
        : null,
  });
}

export function minTradeSize({ suppressedCount }: RuleInput): RuleResult {
  return ruleResult({
    rule_id: "MIN_TRADE_SIZE",
    severity: "SOFT",
    measured: decimal(suppressedCount),
    threshold: { min: "0" },
    failure: null,
    passCode: suppressedCount > 0 ? "INTENTS_SUPPRESSED" : "OK",
  });
}

export function noShorting({ valuation }: RuleInput): RuleResult {
  const smallest = valuation.positions.reduce((least, { quantity }) => minimum(least, quantity), ZERO);
  return ruleResult({
    rule_id: "NO_SHORTING",
    severity: "HARD",
    measured: smallest,
    threshold: { min: "0" },
    failure: isNegative(smallest)
      ? { code: "SELL_EXCEEDS_HOLDINGS", hint: "Sell no more of an instrument than is held." }
      : null,
  });
}

function insufficientCash({ valuation }: RuleInput): RuleResult {
  const smallest = valuation.cashBalances.reduce((least, { amount }) => minimum(least, amount), ZERO);
  return ruleResult({
    rule_id: "INSUFFICIENT_CASH",
    severity: "HARD",
    measured: smallest,
    threshold: { min: "0" },
    failure: isNegative(smallest)
      ? { code: "CASH_BALANCE_NEGATIVE", hint: "Fund the negative cash balance or buy less." }
      : null,
  });
}

export function isHardFailure({ severity, status }: RuleResult): boolean {
  return severity === "HARD" && status === "FAIL";
}

export function isSoftFailure({ severity, status }: RuleResult): boolean {
  return severity === "SOFT" && status === "FAIL";
}

export function failed(results: readonly RuleResult[], ruleId: string): boolean {
  return results.some(({ rule_id, status }) => rule_id === ruleId && status === "FAIL");
}

export function statusOf(results: readonly RuleResult[]): RunStatus {
  if (results.some(isHardFailure)) return "BLOCKED";
  return results.some(isSoftFailure) ? "PENDING_REVIEW" : "READY";
}
