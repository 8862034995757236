import { absolute, add, divide, isPositive, isZero, ZERO, type Decimal } from "../../../decimal/decimal.ts";
import type { Costs, Tax, Trade, Trades } from "./report.ts";
import type { Money, StoredDiagnostics, StoredIntents } from "./stored.ts";

/** Trades and funding, as the intents and diagnostics of a result tell them. */
export function tradesOf(intents: StoredIntents, diagnostics: StoredDiagnostics): Trades {
  const securities: Trade[] = [];
  const fx: Trades["fx"][number][] = [];
  const cashFlows: Trades["cashFlows"][number][] = [];
  for (const intent of intents) {
    switch (intent.intent_type) {
      case "SECURITY_TRADE":
        securities.push({
          side: intent.side,
          instrumentId: intent.instrument_id,
          quantity: intent.quantity,
          notional: intent.notional,
          notionalBase: intent.notional_base,
          reason: intent.rationale?.code ?? null,
          waits: intent.dependencies.length > 0,
        });
        break;
      case "FX_SPOT":
        fx.push({
          pair: intent.pair,
          buy: { amount: intent.buy_amount, currency: intent.buy_currency },
          sell: { amount: intent.sell_amount_estimated, currency: intent.sell_currency },
          reason: intent.rationale?.code ?? null,
        });
        break;
      case "CASH_FLOW":
        cashFlows.push({
          money: { amount: intent.amount, currency: intent.currency },
          description: intent.description,
        });
    }
  }
  return { securities, fx, cashFlows, ...fundingOf(diagnostics), leftOut: leftOutOf(diagnostics) };
}

function fundingOf({
  funding_plan,
  insufficient_cash,
}: StoredDiagnostics): Pick<Trades, "funding" | "shortfalls"> {
  return {
    funding: funding_plan.map((entry) => {
      const inTarget = (amount: Decimal): Money => ({ amount, currency: entry.target_currency });
      return {
        required: inTarget(entry.required),
        available: inTarget(entry.available_before_fx),
        exchanged: inTarget(entry.fx_needed),
        from: entry.funding_currency,
      };
    }),
    shortfalls: insufficient_cash.map(({ currency, deficit }) => ({ amount: deficit, currency })),
  };
}

function leftOutOf({ suppressed_intents, dropped_intents }: StoredDiagnostics): Trades["leftOut"] {
  return [
    ...suppressed_intents.map(({ instrument_id, reason, intended_notional: notional }) => ({
      instrumentId: instrument_id,
      reason,
      notional,
    })),
    ...dropped_intents.map(({ instrument_id, reason, potential_notional: notional }) => ({
      instrumentId: instrument_id,
      reason,
      notional,
    })),
  ];
}

/** Turnover as the engine caps it: purchases and sales, against the portfolio before. */
export function costsOf(
  trades: readonly Trade[],
  totalBefore: Money,
  { turnoverLimit, tax }: { readonly turnoverLimit: Decimal | null; readonly tax: Tax | null },
): Costs {
  const sums = { BUY: ZERO, SELL: ZERO };
  let unvalued = 0;
  for (const { side, notionalBase } of trades) {
    if (notionalBase === null) unvalued += 1;
    else sums[side] = add(sums[side], absolute(notionalBase.amount));
  }
  const turnover = add(sums.BUY, sums.SELL);
  const inBase = (amount: Decimal): Money => ({ amount, currency: totalBefore.currency });
  return {
    bought: inBase(sums.BUY),
    sold: inBase(sums.SELL),
    turnover: inBase(turnover),
    turnoverShare: shareOf(turnover, totalBefore.amount),
    turnoverLimit,
    unvalued,
    tax,
  };
}

function shareOf(turnover: Decimal, total: Decimal): Decimal | null {
  if (isPositive(total)) return divide(turnover, total);
  return isZero(turnover) ? ZERO : null;
}
