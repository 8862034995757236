import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { WaveResponse, WaveVerificationResponse } from "../../src/features/waves/schemas.ts";
import { waveSummary } from "../wave/summary.ts";
import type { Send, Service } from "./client.ts";
import { feedLine, type DemoFeed } from "./feed.ts";
import { marketData, shelf } from "./market.ts";

const IDS = ["CH_NESTLE", "CH_NOVARTIS", "US_MSFT", "US_TREASURY_10Y", "EU_ASML", "EU_BUND_2033", "SG_DBS"];
const WEIGHTS = ["0.16", "0.12", "0.18", "0.20", "0.10", "0.14", "0.05"];
const PORTFOLIOS = 200;
/** Created, started, completed. */
const STEPS = 3;

/** Portfolios of 200 clients, each with other holdings. */
function portfolios() {
  return Array.from({ length: PORTFOLIOS }, (_, client) => ({
    portfolio_snapshot: {
      portfolio_id: `client_${String(client + 1).padStart(3, "0")}`,
      base_currency: "CHF",
      positions: IDS.map((instrument_id, at) => ({
        instrument_id,
        quantity: String(50 + ((client * 37 + at * 101) % 400)),
      })),
      cash_balances: [{ currency: "CHF", amount: String(20_000 + ((client * 997) % 30_000)) }],
    },
  }));
}

/** Rebalances 200 portfolios at once, and shows what came of it. */
export async function demonstrateWave(service: Service, feed: DemoFeed): Promise<void> {
  const send = await service.as("desk_zurich", ["waves:run", "waves:read"]);
  const body = {
    wave_name: "model change of November",
    created_by: "desk_zurich",
    shared: {
      market_data_snapshot: marketData(IDS),
      model_portfolio: {
        targets: IDS.map((instrument_id, at) => ({ instrument_id, weight: WEIGHTS[at] ?? "0" })),
      },
      shelf_entries: shelf(IDS),
      options: { max_turnover_pct: "0.30" },
    },
    portfolios: portfolios(),
  };
  const key = `demo-${randomUUID()}`;
  const { wave_id } = WaveResponse.parse(await sent(send, "/rebalance/waves", key, body));
  const path = `/rebalance/waves/${wave_id}`;
  console.log(`\nA wave: ${PORTFOLIOS} portfolios against one model\n`);
  await sent(send, `${path}/start`, `${key}-start`, { actor_id: "desk_zurich" });
  let wave = await read(send, path);
  while (wave.state === "RUNNING") {
    await pause(200);
    wave = await read(send, path);
  }
  console.log(waveSummary(wave, []));
  const verified = WaveVerificationResponse.parse(JSON.parse((await send("GET", `${path}/verify`)).text));
  const { checked, valid } = verified;
  console.log(
    `Its ${checked.events} events, ${checked.items} items and ${checked.runs} runs recomputed: ${valid ? "every one as it was written" : "SOMETHING WAS ALTERED"}.`,
  );
  await printFeed(feed);
}

/** What another system hears of the wave: each of its steps, and each of its runs. */
async function printFeed(feed: DemoFeed): Promise<void> {
  const events = await feed.next(PORTFOLIOS + STEPS);
  const steps = events.filter(({ type }) => type.startsWith("ballast.wave."));
  console.log(`\nWhat the feed tells of it, beside ${events.length - steps.length} runs:`);
  for (const event of steps) console.log(`  ${event.time}  ${feedLine(event)}  ${event.subject}`);
}

async function read(send: Send, path: string) {
  return WaveResponse.parse(JSON.parse((await send("GET", path)).text));
}

async function sent(send: Send, path: string, key: string, body: unknown): Promise<unknown> {
  const reply = await send("POST", path, { body, key });
  if (reply.status >= 300) throw new Error(`${path} was refused: ${reply.status} ${reply.text}`);
  return JSON.parse(reply.text);
}
