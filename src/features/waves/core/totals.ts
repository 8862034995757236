import type { RebalanceResult } from "../../../contract/rebalance.ts";
import { addExact, exactOf, exactText, NOTHING, type Exact } from "./exact.ts";

export type WaveMeasure =
  | "TURNOVER"
  | "REALIZED_GAIN"
  | "REALIZED_LOSS"
  | "FX_BOUGHT"
  | "FX_SOLD"
  | "CASH_BEFORE"
  | "CASH_AFTER"
  | "BUY"
  | "SELL";

/** A sum over runs. Of trades, `label` is the instrument, `amount` in base currency and `count` how many they are. */
export type WaveTotal = {
  readonly measure: WaveMeasure;
  readonly label: string;
  readonly currency: string;
  readonly amount: string;
  readonly quantity: string;
  readonly count: number;
};

type Sum = Omit<WaveTotal, "amount" | "quantity"> & { readonly amount: Exact; readonly quantity: Exact };

/** The sums over some runs, in no order that means anything. Exact: nothing is rounded. */
export function totalsOf(results: readonly RebalanceResult[]): WaveTotal[] {
  const sums = new Map<string, Sum>();
  const add = (measure: WaveMeasure, currency: string, amount: string, trade?: Trade): void => {
    const name = JSON.stringify([measure, trade?.instrument_id ?? "", currency]);
    const before = sums.get(name);
    sums.set(name, {
      measure,
      label: trade?.instrument_id ?? "",
      currency,
      amount: addExact(before?.amount ?? NOTHING, exactOf(amount)),
      quantity: addExact(before?.quantity ?? NOTHING, exactOf(trade?.quantity ?? "0")),
      count: (before?.count ?? 0) + 1,
    });
  };
  for (const result of results) addRun(result, add);
  return [...sums.values()].map((sum) => ({
    ...sum,
    amount: exactText(sum.amount),
    quantity: exactText(sum.quantity),
  }));
}

type Trade = { readonly instrument_id: string; readonly quantity: string | null };
type Add = (measure: WaveMeasure, currency: string, amount: string, trade?: Trade) => void;

function addRun({ before, after_simulated, intents, tax_impact }: RebalanceResult, add: Add): void {
  for (const { currency, amount } of before.cash_balances) add("CASH_BEFORE", currency, amount);
  for (const { currency, amount } of after_simulated.cash_balances) add("CASH_AFTER", currency, amount);
  if (tax_impact !== null) {
    const { total_realized_gain: gain, total_realized_loss: loss } = tax_impact;
    add("REALIZED_GAIN", gain.currency, gain.amount);
    add("REALIZED_LOSS", loss.currency, loss.amount);
  }
  for (const intent of intents) {
    if (intent.intent_type === "FX_SPOT") {
      add("FX_BOUGHT", intent.buy_currency, intent.buy_amount);
      add("FX_SOLD", intent.sell_currency, intent.sell_amount_estimated);
    } else if (intent.notional_base !== null) {
      const { amount, currency } = intent.notional_base;
      add("TURNOVER", currency, amount);
      add(intent.side, currency, amount, intent);
    }
  }
}
