import type { CashLadderBreach } from "../../contract/diagnostics.ts";
import type { EngineOptions } from "../../contract/options.ts";
import type { CashBalance } from "../../contract/portfolio.ts";
import type { RuleResult } from "../../contract/rules.ts";
import type { Arithmetic } from "../../decimal/arithmetic.ts";
import { isNegative, isPositive, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { warnOnce, type Diagnostics } from "../diagnostics.ts";
import type { Lookups } from "../lookups.ts";
import { compareCodePoints } from "../order.ts";
import { ruleResult } from "../rules.ts";
import type { FxLeg, Trade } from "./trades.ts";

const DEFAULT_SETTLEMENT_DAYS = 2;

/** Whether so much below the allowed floor is a breach. */
type IsOwed = (shortfall: Decimal, currency: string) => boolean;

type Breach = { readonly entry: CashLadderBreach; readonly shortfall: Decimal };

/** Cash movements by currency; the position in the list is the number of days from today. */
type Flows = Map<string, Decimal[]>;

/**
 * Projects each currency's settled cash day by day and writes the cash ladder to the diagnostics. Returns the
 * failed rule of the first breach of an overdraft allowance, by currency and then by day; null without one.
 */
export function projectCashLadder(
  balances: readonly CashBalance[],
  trades: readonly Trade[],
  legs: readonly FxLeg[],
  lookups: Lookups,
  options: EngineOptions,
  isOwed: IsOwed,
  diagnostics: Diagnostics,
): RuleResult | null {
  const { arithmetic } = lookups;
  const lag = ({ instrumentId }: Trade): number =>
    lookups.latestShelf.get(instrumentId)?.settlement_days ?? DEFAULT_SETTLEMENT_DAYS;
  const lags = trades.map(lag);
  const horizon = lags.reduce(
    (longest, days) => Math.max(longest, days),
    Math.max(options.settlement_horizon_days, options.fx_settlement_days),
  );
  const flows: Flows = new Map();
  for (const { amount, currency, settled } of balances)
    addFlow(flows, horizon, currency, 0, settled ?? amount, arithmetic);
  trades.forEach((trade, index) => {
    const flow = trade.side === "SELL" ? trade.notional : arithmetic.negate(trade.notional);
    addFlow(flows, horizon, trade.currency, lags[index] ?? DEFAULT_SETTLEMENT_DAYS, flow, arithmetic);
  });
  for (const { buyAmount, buyCurrency, sellAmount, sellCurrency } of legs) {
    addFlow(
      flows,
      horizon,
      sellCurrency,
      options.fx_settlement_days,
      arithmetic.negate(sellAmount),
      arithmetic,
    );
    addFlow(flows, horizon, buyCurrency, options.fx_settlement_days, buyAmount, arithmetic);
  }
  const breaches = [...flows]
    .sort(([a], [b]) => compareCodePoints(a, b))
    .flatMap(([currency, days]) => projectCurrency(currency, days, options, isOwed, arithmetic, diagnostics));
  diagnostics.cash_ladder_breaches.push(...breaches.map(({ entry }) => entry));
  const first = breaches[0];
  if (first === undefined) return null;
  diagnostics.warnings.push(first.entry.reason_code);
  return breachRule(first);
}

function addFlow(
  flows: Flows,
  horizon: number,
  currency: string,
  day: number,
  amount: Decimal,
  { add }: Arithmetic,
): void {
  let days = flows.get(currency);
  if (days === undefined) flows.set(currency, (days = Array.from({ length: horizon + 1 }, () => ZERO)));
  days[day] = add(days[day] ?? ZERO, amount);
}

function projectCurrency(
  currency: string,
  days: readonly Decimal[],
  options: EngineOptions,
  isOwed: IsOwed,
  { add, negate, subtract }: Arithmetic,
  diagnostics: Diagnostics,
): Breach[] {
  const allowance = options.max_overdraft_by_ccy[currency] ?? ZERO;
  const floor = negate(allowance);
  const breaches: Breach[] = [];
  let balance = ZERO;
  days.forEach((flow, day) => {
    balance = add(balance, flow);
    const projected_balance = toText(balance);
    diagnostics.cash_ladder.push({ currency, date_offset: day, projected_balance });
    if (isNegative(balance) && isPositive(allowance)) warnOnce(diagnostics, "SETTLEMENT_OVERDRAFT_UTILIZED");
    const shortfall = subtract(floor, balance);
    if (!isOwed(shortfall, currency)) return;
    const reason_code = `OVERDRAFT_ON_T_PLUS_${day}`;
    const entry = {
      allowed_floor: toText(floor),
      currency,
      date_offset: day,
      projected_balance,
      reason_code,
    };
    breaches.push({ entry, shortfall });
  });
  return breaches;
}

function breachRule({ entry, shortfall }: Breach): RuleResult {
  return ruleResult({
    rule_id: "SETTLEMENT_CASH_LADDER",
    severity: "HARD",
    measured: shortfall,
    threshold: { min: entry.allowed_floor },
    failure: {
      code: entry.reason_code,
      hint: `Fund ${entry.currency} until its sells have settled, or allow a larger overdraft.`,
    },
  });
}
