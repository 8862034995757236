/** Sends the demonstration to a running service and prints what happened: `npm run demo [-- URL]`. */
import { randomUUID } from "node:crypto";
import { BatchRebalanceResult, RebalanceResult } from "../../src/contract/rebalance.ts";
import { demonstrateAdvisory } from "./advisory.ts";
import { send, type Reply } from "./client.ts";
import { resultTable, type Row } from "./print.ts";
import { REBALANCES, type Scenario } from "./rebalances.ts";

const base = process.argv[2] ?? `http://127.0.0.1:${process.env["PORT"] ?? "8000"}`;

async function demonstrateRebalances(): Promise<void> {
  console.log(`Discretionary rebalances, sent to ${base}\n`);
  const rows: Row[] = [];
  let last: { scenario: Scenario; key: string; reply: Reply } | undefined;
  for (const scenario of REBALANCES) {
    const key = `demo-${randomUUID()}`;
    const reply = await send(base, "POST", scenario.path, scenario.body, key);
    if (reply.status !== 200)
      throw new Error(`"${scenario.title}" was refused: ${reply.status} ${reply.text}`);
    rows.push(...rowsOf(scenario, reply));
    last = { scenario, key, reply };
  }
  console.log(resultTable(rows));
  if (last !== undefined) await demonstrateReplay(last.scenario, last.key, last.reply);
}

function rowsOf(scenario: Scenario, reply: Reply): Row[] {
  const answer: unknown = JSON.parse(reply.text);
  if (scenario.path === "/rebalance/simulate")
    return [{ title: scenario.title, result: RebalanceResult.parse(answer) }];
  const { results } = BatchRebalanceResult.parse(answer);
  return Object.entries(results).map(([name, result]) => ({ title: `${scenario.title}: ${name}`, result }));
}

async function demonstrateReplay(scenario: Scenario, key: string, first: Reply): Promise<void> {
  const again = await send(base, "POST", scenario.path, scenario.body, key);
  const same = again.text === first.text ? "the same bytes" : "OTHER BYTES";
  console.log(`
The last one again, under the same key: HTTP ${again.status}, Idempotent-Replayed: ${String(again.replayed)}, ${same}.
First ${first.ms.toFixed(1)} ms, replay ${again.ms.toFixed(1)} ms. Nothing was simulated or written a second time.`);
}

try {
  await demonstrateRebalances();
  await demonstrateAdvisory(base);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
