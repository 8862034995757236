import Table from "cli-table3";

import type { RebalanceResult } from "../../src/contract/rebalance.ts";
import type { SimulatedState } from "../../src/contract/state.ts";

export type Row = { readonly title: string; readonly result: RebalanceResult };

/** One table: what happened in each scenario, side by side. */
export function resultTable(rows: readonly Row[]): string {
  const table = new Table({
    head: ["Scenario", "Status", "Trades", "Cash before", "Cash after", "Rules failed and warnings"],
    colWidths: [24, 16, 30, 18, 18, 36],
    wordWrap: true,
    wrapOnWordBoundary: false,
    style: { head: [], border: [] },
  });
  for (const { title, result } of rows) {
    table.push([
      title,
      result.status,
      result.intents.map(intentLine).join("\n") || "none",
      cashLines(result.before),
      cashLines(result.after_simulated),
      troubles(result).join("\n") || "none",
    ]);
  }
  return table.toString();
}

function intentLine(intent: RebalanceResult["intents"][number]): string {
  if (intent.intent_type === "FX_SPOT") {
    return `FX ${intent.pair}: buy ${money(intent.buy_amount)} ${intent.buy_currency}`;
  }
  return `${intent.side} ${intent.quantity ?? ""} ${intent.instrument_id}`;
}

function cashLines(state: SimulatedState): string {
  return state.cash_balances.map(({ currency, amount }) => `${currency} ${money(amount)}`).join("\n");
}

function troubles(result: RebalanceResult): string[] {
  const failed = result.rule_results.filter(({ status }) => status === "FAIL");
  return [
    ...failed.map(({ rule_id, severity }) => `${rule_id} (${severity})`),
    ...result.diagnostics.warnings,
  ];
}

/** For reading only: two decimals, cut off, with thousands apart. The service keeps every digit. */
function money(amount: string): string {
  const [whole = "", fraction = ""] = amount.split(".");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${fraction.padEnd(2, "0").slice(0, 2)}`;
}
