/** Sends the demonstration to a running service and prints what happened: `npm run demo [-- URL]`. */
import { randomUUID } from "node:crypto";
import { BatchRebalanceResult, RebalanceResult } from "../../src/contract/rebalance.ts";
import { demonstrateAdvisory } from "./advisory.ts";
import { openService, type Reply, type Send, type Service } from "./client.ts";
import { feedLine, openFeed, type DemoFeed } from "./feed.ts";
import { resultTable, type Row } from "./print.ts";
import { REBALANCES, type Scenario } from "./rebalances.ts";
import { demonstrateWave } from "./wave.ts";

type Sent = { readonly scenario: Scenario; readonly key: string; readonly reply: Reply };

const base = process.argv[2] ?? `http://127.0.0.1:${process.env["PORT"] ?? "8000"}`;

async function demonstrateRebalances(service: Service, feed: DemoFeed): Promise<void> {
  const mode = service.asksForTokens ? "with a token" : "without tokens";
  console.log(`Discretionary rebalances, sent to ${base} ${mode}\n`);
  const send = await service.as("advisor_brunner", ["rebalance:run"]);
  const rows: Row[] = [];
  let last: Sent | undefined;
  for (const scenario of REBALANCES) {
    const key = `demo-${randomUUID()}`;
    const reply = await send("POST", scenario.path, { body: scenario.body, key });
    if (reply.status !== 200)
      throw new Error(`"${scenario.title}" was refused: ${reply.status} ${reply.text}`);
    rows.push(...rowsOf(scenario, reply));
    last = { scenario, key, reply };
  }
  console.log(resultTable(rows));
  await printFeed(feed, rows.length);
  if (last !== undefined) await demonstrateReplay(send, last);
}

/** What another system hears of the runs. */
async function printFeed(feed: DemoFeed, count: number): Promise<void> {
  const events = await feed.next(count);
  console.log(`\nWhat the feed tells of them, ${events.length} events:`);
  for (const event of events) console.log(`  ${event.time}  ${feedLine(event)}  ${event.subject}`);
}

function rowsOf(scenario: Scenario, reply: Reply): Row[] {
  const answer: unknown = JSON.parse(reply.text);
  if (scenario.path === "/rebalance/simulate")
    return [{ title: scenario.title, result: RebalanceResult.parse(answer) }];
  const { results } = BatchRebalanceResult.parse(answer);
  return Object.entries(results).map(([name, result]) => ({ title: `${scenario.title}: ${name}`, result }));
}

async function demonstrateReplay(send: Send, { scenario, key, reply: first }: Sent): Promise<void> {
  const again = await send("POST", scenario.path, { body: scenario.body, key });
  const same = again.text === first.text ? "the same bytes" : "OTHER BYTES";
  console.log(`
The last one again, under the same key: HTTP ${again.status}, Idempotent-Replayed: ${String(again.replayed)}, ${same}.
First ${first.ms.toFixed(1)} ms, replay ${again.ms.toFixed(1)} ms. Nothing was simulated or written a second time.`);
}

try {
  const service = await openService(base);
  const feed = await openFeed(service);
  await demonstrateRebalances(service, feed);
  await demonstrateWave(service, feed);
  await demonstrateAdvisory(service, feed);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
