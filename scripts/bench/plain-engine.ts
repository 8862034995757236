import { Decimal } from "decimal.js";
import type { RebalanceRequest } from "../../src/contract/rebalance.ts";
import { toText } from "../../src/decimal/text.ts";

/**
 * The yardstick: valuation before and after, drift and whole-unit trades, written in the straightforward way on
 * decimal.js. It leaves out most rules of the engine, so it is a generous lower bound of what the plain way costs.
 */
export function plainRun(request: RebalanceRequest): unknown {
  const Money = Decimal.clone({ precision: 28, rounding: Decimal.ROUND_HALF_EVEN });
  const num = (value: Parameters<typeof toText>[0]): Decimal => new Money(toText(value));
  const rates = new Map(request.market_data_snapshot.fx_rates.map(({ pair, rate }) => [pair, num(rate)]));
  const base = request.portfolio_snapshot.base_currency;
  const rateOf = (currency: string): Decimal => {
    if (currency === base) return new Money(1);
    const direct = rates.get(`${currency}/${base}`);
    return direct ?? new Money(1).div(rates.get(`${base}/${currency}`) ?? 1);
  };
  const prices = new Map(
    request.market_data_snapshot.prices.map(({ instrument_id, price, currency }) => [
      instrument_id,
      { price: num(price), currency },
    ]),
  );
  const value = (quantities: ReadonlyMap<string, Decimal>, cash: Decimal) => {
    let total = cash;
    const rows = [...quantities].map(([id, quantity]) => {
      const { price, currency } = prices.get(id) ?? { price: new Money(0), currency: base };
      const local = quantity.times(price);
      const inBase = local.times(rateOf(currency));
      total = total.plus(inBase);
      return { id, quantity, price, currency, local, inBase };
    });
    const states = rows.map((row) => ({
      instrument_id: row.id,
      quantity: row.quantity.toFixed(),
      price: { amount: row.price.toFixed(), currency: row.currency },
      value_in_instrument_ccy: { amount: row.local.toFixed(), currency: row.currency },
      value_in_base_ccy: { amount: row.inBase.toFixed(), currency: base },
      weight: row.inBase.div(total).toDecimalPlaces(4).toFixed(4),
    }));
    const allocation = rows.map((row) => ({
      key: row.id,
      weight: row.inBase.div(total).toDecimalPlaces(4).toFixed(4),
      value: { amount: row.inBase.toFixed(), currency: base },
    }));
    return { total, states, allocation };
  };
  const held = new Map(
    request.portfolio_snapshot.positions.map(({ instrument_id, quantity }) => [instrument_id, num(quantity)]),
  );
  const cash = request.portfolio_snapshot.cash_balances.reduce(
    (sum, { amount }) => sum.plus(num(amount)),
    new Money(0),
  );
  const before = value(held, cash);
  const after = new Map(held);
  let cashAfter = cash;
  const intents = request.model_portfolio.targets.flatMap(({ instrument_id, weight }) => {
    const { price, currency } = prices.get(instrument_id) ?? { price: new Money(0), currency: base };
    if (price.isZero()) return [];
    const rate = rateOf(currency);
    const current = held.get(instrument_id) ?? new Money(0);
    const delta = before.total.times(num(weight)).div(rate).minus(current.times(price));
    const units = delta.abs().div(price).floor();
    if (units.isZero()) return [];
    const notional = units.times(price);
    const notionalBase = notional.times(rate);
    const bought = delta.isPositive();
    after.set(instrument_id, bought ? current.plus(units) : current.minus(units));
    cashAfter = bought ? cashAfter.minus(notionalBase) : cashAfter.plus(notionalBase);
    const score = notionalBase.abs().div(before.total);
    return [
      {
        instrument_id,
        units: units.toFixed(),
        notional: notional.toFixed(),
        base: notionalBase.toFixed(),
        score: score.toFixed(),
      },
    ];
  });
  return { before, intents, after: value(after, cashAfter) };
}
