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
    return `FX ${intent.pair}: buy ${readable(intent.buy_amount)} ${intent.buy_currency}`;
  }
  return `${intent.side} ${readable(intent.quantity ?? "", 4)} ${intent.instrument_id}`;
}

function cashLines(state: SimulatedState): string {
  return state.cash_balances.map(({ currency, amount }) => `${currency} ${readable(amount)}`).join("\n");
}

function troubles(result: RebalanceResult): string[] {
  const failed = result.rule_results.filter(({ status }) => status === "FAIL");
  return [
    ...failed.map(({ rule_id, severity }) => `${rule_id} (${severity})`),
    ...result.diagnostics.warnings,
  ];
}

/** For reading only: few decimals, cut off, with thousands apart. The service keeps every digit. */
function readable(amount: string, decimals = 2): string {
  const [whole = "", fraction = ""] = amount.split(".");
  const kept = decimals === 2 ? fraction.padEnd(2, "0").slice(0, 2) : fraction.slice(0, decimals);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return kept === "" ? grouped : `${grouped}.${kept}`;
}
