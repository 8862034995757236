import { mapFrom } from "../contract/maps.ts";
import type {
  CashBalanceText,
  AllocationMetric,
  PositionSummary,
  SimulatedState,
} from "../contract/state.ts";
import type { CashBalance } from "../contract/portfolio.ts";
import type { Decimal } from "../decimal/decimal.ts";
import { toFixedText, toText } from "../decimal/text.ts";
import { moneyText } from "./money.ts";
import type { Bucket, Valuation, ValuedPosition } from "./valuation.ts";

const WEIGHT_DECIMALS = 4;

// Results list their keys in code-unit order, the order of canonical JSON, which then has nothing to sort.

/** A valuation in its wire shape: decimals as text, weights rounded half-even to four decimals. */
export function toState(valuation: Valuation): SimulatedState {
  const { baseCurrency } = valuation;
  const positions = valuation.positions.map((position) => positionSummary(position, valuation));
  const byInstrument = positions.map(({ instrument_id, weight, value_in_base_ccy }) => ({
    key: instrument_id,
    value: value_in_base_ccy,
    weight,
  }));
  return {
    allocation: byInstrument,
    allocation_by_asset_class: allocation(valuation.assetClasses, baseCurrency),
    allocation_by_attribute: attributeAllocation(valuation),
    allocation_by_instrument: byInstrument,
    cash_balances: valuation.cashBalances.map(cashBalanceText),
    positions,
    total_value: moneyText(valuation.total, baseCurrency),
  };
}

function positionSummary(position: ValuedPosition, valuation: Valuation): PositionSummary {
  const { baseCurrency } = valuation;
  const { currency, price, value, valueInBase } = position;
  const inInstrumentCurrency = moneyText(value, currency);
  const sameMoney = value === valueInBase && currency === baseCurrency;
  return {
    asset_class: position.assetClass,
    instrument_currency: currency,
    instrument_id: position.instrumentId,
    price: price === null ? null : moneyText(price, currency),
    quantity: toText(position.quantity),
    value_in_base_ccy: sameMoney ? inInstrumentCurrency : moneyText(valueInBase, baseCurrency),
    value_in_instrument_ccy: inInstrumentCurrency,
    weight: weightText(valueInBase, valuation),
  };
}

/** Computes no more digits than are shown, which is faster than a full division. */
function weightText(value: Decimal, { arithmetic, divisor }: Valuation): string {
  return toFixedText(arithmetic.roundedQuotient(value, divisor, WEIGHT_DECIMALS), WEIGHT_DECIMALS);
}

function allocation(buckets: readonly Bucket[], baseCurrency: string): AllocationMetric[] {
  return buckets.map(({ key, value, weight }) => ({
    key,
    value: moneyText(value, baseCurrency),
    weight: toFixedText(weight, WEIGHT_DECIMALS),
  }));
}

function attributeAllocation({ attributes, baseCurrency }: Valuation): Record<string, AllocationMetric[]> {
  return mapFrom(
    [...attributes].map(([name, buckets]) => [name, allocation(buckets, baseCurrency)] as const),
  );
}

function cashBalanceText({ amount, currency, pending, settled }: CashBalance): CashBalanceText {
  return { amount: toText(amount), currency, pending: optionalText(pending), settled: optionalText(settled) };
}

function optionalText(value: Decimal | null): string | null {
  return value === null ? null : toText(value);
}
