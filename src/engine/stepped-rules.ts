import type { RuleResult } from "../contract/rules.ts";
import { compare, isNegative, isPositive, minimum, ONE, ZERO, type Decimal } from "../decimal/decimal.ts";
import { absolute, add, divide, multiply, negate, subtract, sum } from "../decimal/exact.ts";
import { toText } from "../decimal/text.ts";
import { minorUnit } from "./currency.ts";
import type { DataQualityLog } from "./diagnostics.ts";
import { compareCodePoints } from "./order.ts";
import {
  cashBand,
  dataQuality,
  largestWeight,
  minTradeSize,
  NO_SINGLE_LIMIT,
  noShorting,
  ruleResult,
  SINGLE_POSITION,
  type RuleInput,
} from "./rules.ts";
import { weightOf, type ValuedPosition } from "./valuation.ts";

/** Each list of the log sorted, and each name in it once. */
export function asSets(log: DataQualityLog): void {
  for (const list of [log.fx_missing, log.price_missing, log.shelf_missing]) {
    list.splice(0, list.length, ...[...new Set(list)].sort(compareCodePoints));
  }
}

/** The standard rules; limits are judged to a step of the instrument, cash to the minor unit of its currency. */
export function evaluateSteppedRules(input: RuleInput): RuleResult[] {
  return [
    cashBand(input),
    ...singlePositionMax(input),
    dataQuality(input),
    minTradeSize(input),
    noShorting(input),
    insufficientCash(input),
    ...groupMax(input),
  ];
}

/** What one step of a position is worth: trades come no nearer to a limit than that. */
function stepValue({ currency, instrumentId, price }: ValuedPosition, { lookups }: RuleInput): Decimal {
  const step = lookups.shelf.get(instrumentId)?.quantity_step ?? ONE;
  const priceCurrency = lookups.prices.get(instrumentId)?.currency ?? currency;
  return absolute(multiply(multiply(step, price ?? ZERO), lookups.rateToBase(priceCurrency) ?? ZERO));
}

/** Whether a value is above a share of the total by more than a tolerance. Values are compared, as weights are rounded. */
function isAbove(
  value: Decimal,
  limit: Decimal,
  tolerance: () => Decimal,
  { valuation }: RuleInput,
): boolean {
  const { divisor } = valuation;
  // A total below zero turns the signs of weights.
  const sign = isNegative(divisor) ? negate : same;
  const excess = subtract(sign(value), multiply(limit, sign(divisor)));
  return isPositive(excess) && compare(excess, tolerance()) > 0;
}

function same(value: Decimal): Decimal {
  return value;
}

/** What is locked above the limit is for review; nothing that may be traded could mend it. */
function singlePositionMax(input: RuleInput): RuleResult[] {
  const { locked, options, valuation } = input;
  const limit = options.single_position_max_weight;
  if (limit === null) return [NO_SINGLE_LIMIT];
  const threshold = { max: toText(limit) };
  const offenders = valuation.positions.filter((position) =>
    isAbove(position.valueInBase, limit, () => stepValue(position, input), input),
  );
  if (offenders.length === 0) {
    return [ruleResult({ ...SINGLE_POSITION, measured: largestWeight(valuation), threshold, failure: null })];
  }
  return offenders.map((position) => {
    const id = position.instrumentId;
    const failure = locked.has(id)
      ? {
          code: "LIMIT_EXCEEDED_BY_LOCKED",
          hint: `${id} is above the single position limit and cannot be sold.`,
        }
      : { code: "LIMIT_BREACH", hint: `Reduce ${id} to the single position limit.` };
    const severity = locked.has(id) ? "SOFT" : "HARD";
    const measured = weightOf(position, valuation);
    return ruleResult({ ...SINGLE_POSITION, severity, measured, threshold, failure });
  });
}

type GroupState = { readonly key: string; value: Decimal; readonly members: ValuedPosition[] };

/** One result for each group above its limit by more than a step of each of its members; else one, of the fullest. */
function groupMax(input: RuleInput): RuleResult[] {
  const { options, valuation } = input;
  const groups = groupStates(input);
  const judged = groups.map(({ key, members, value }) => {
    const limit = options.group_constraints[key]?.max_weight ?? ZERO;
    const steps = () => sum(members.map((member) => stepValue(member, input)));
    const measured = divide(value, valuation.divisor);
    const hint = `Bring ${key} back to its limit, or have it reviewed.`;
    const failure = isAbove(value, limit, steps, input) ? { code: "LIMIT_BREACH", hint } : null;
    const result = ruleResult({ ...GROUP, measured, threshold: { max: toText(limit) }, failure });
    return { failure, result, room: subtract(limit, measured) };
  });
  const offenders = judged.filter(({ failure }) => failure !== null);
  if (offenders.length > 0) return offenders.map(({ result }) => result);
  const fullest = judged.reduce<(typeof judged)[number] | undefined>(
    (least, group) => (least === undefined || compare(group.room, least.room) < 0 ? group : least),
    undefined,
  );
  return fullest === undefined ? [] : [fullest.result];
}

const GROUP = { rule_id: "GROUP_MAX", severity: "SOFT" } as const;

function groupStates({ options, valuation }: RuleInput): GroupState[] {
  const keys = Object.keys(options.group_constraints).sort(compareCodePoints);
  const groups = new Map(keys.map((key): [string, GroupState] => [key, { key, members: [], value: ZERO }]));
  if (groups.size === 0) return [];
  for (const position of valuation.positions) {
    for (const [attribute, name] of position.attributes) {
      const group = groups.get(`${attribute}:${name}`);
      if (group === undefined) continue;
      group.value = add(group.value, position.valueInBase);
      group.members.push(position);
    }
  }
  return [...groups.values()];
}

/** A balance that is short of less than can be paid is not negative. */
function insufficientCash({ valuation }: RuleInput): RuleResult {
  const smallest = valuation.cashBalances.reduce((least, { amount }) => minimum(least, amount), ZERO);
  const isShort = valuation.cashBalances.some(
    ({ amount, currency }) => isNegative(amount) && compare(negate(amount), minorUnit(currency)) >= 0,
  );
  return ruleResult({
    rule_id: "INSUFFICIENT_CASH",
    severity: "HARD",
    measured: smallest,
    threshold: { min: "0" },
    failure: isShort
      ? { code: "CASH_BALANCE_NEGATIVE", hint: "Fund the negative cash balance or buy less." }
      : null,
    ...(isNegative(smallest) ? { passCode: "BELOW_MINOR_UNIT" } : {}),
  });
}
