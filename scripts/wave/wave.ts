/**
 * Sends a wave and follows it to its end: `npm run wave -- <file.json|.ndjson> --base URL [--token TOKEN] [--tenant ID]`.
 * Every step is done once, whoever repeats it: a wave that was interrupted is picked up by the same command.
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { WaveItemListResponse, WaveResponse } from "../../src/features/waves/schemas.ts";
import { openClient, Refused, type WaveClient } from "./client.ts";
import { readWaveFile, type WaveFile } from "./read-wave-file.ts";
import { waveSummary } from "./summary.ts";

const USE = "use: npm run wave -- <file.json|.ndjson> --base URL [--token TOKEN] [--tenant ID]";
const PORTFOLIOS_AT_ONCE = 1_000;
const LINES = "application/x-ndjson";
/** How often progress is a line of a file. */
const BESIDE_A_TERMINAL_MS = 2_000;

function parameters() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { base: { type: "string" }, token: { type: "string" }, tenant: { type: "string" } },
  });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new Error(USE);
  const { base = `http://127.0.0.1:${process.env["PORT"] ?? "8000"}`, token, tenant } = values;
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(tenant === undefined ? {} : { "x-tenant-id": tenant }),
  };
  return { file, base, headers };
}

/**
 * Creates the wave, adds its portfolios and starts it, under keys that its name gives: what was done before is answered as
 * it was then, and refused where the file says something else now.
 */
async function sendWave(client: WaveClient, file: WaveFile): Promise<string> {
  const name = createHash("sha256").update(file.name).digest("hex").slice(0, 32);
  const key = (step: string) => `wave:${name}:${step}`;
  const created = await client.post(
    "/rebalance/waves",
    key("create"),
    file.head,
    "application/json",
    WaveResponse,
  );
  const path = `/rebalance/waves/${created.wave_id}`;
  for (let at = 0; at < file.portfolios.length; at += PORTFOLIOS_AT_ONCE) {
    const lines = file.portfolios.slice(at, at + PORTFOLIOS_AT_ONCE).join("\n");
    await client.post(`${path}/portfolios`, key(`portfolios-${at}`), lines, LINES, WaveResponse);
  }
  const { counts, state } = await client.get(path, WaveResponse);
  if (counts.total !== file.portfolios.length) {
    throw new Refused(
      `${file.name} was sent before with ${counts.total} portfolios. Another wave needs another name.`,
    );
  }
  if (state === "DRAFT") {
    await client.post(`${path}/start`, key("start"), "{}", "application/json", WaveResponse);
  }
  const isPickedUp = state !== "DRAFT";
  console.log(
    `${file.name} ${isPickedUp ? "was sent before: it is picked up" : "is sent"}, as ${created.wave_id}.`,
  );
  return created.wave_id;
}

async function follow(client: WaveClient, waveId: string): Promise<void> {
  const bar = new SingleBar({
    format:
      "{bar} {percentage} % | {value} of {total} portfolios, {failed} failed | {rate} a second | {left} s to go | {state}",
    noTTYOutput: true,
    notTTYSchedule: BESIDE_A_TERMINAL_MS,
  });
  bar.start(1, 0, { failed: 0, rate: "-", left: "-", state: "" });
  process.once("SIGINT", () => {
    bar.stop();
    console.log("\nThe wave goes on without you. The same command picks it up.");
    process.exit(130);
  });
  try {
    await client.watch(waveId, ({ counts, state, items_per_second, seconds_left }) => {
      const { SUCCEEDED, FAILED, CANCELLED } = counts.items;
      bar.setTotal(counts.total);
      bar.update(SUCCEEDED + FAILED + CANCELLED, {
        failed: FAILED,
        rate: items_per_second ?? "-",
        left: seconds_left ?? "-",
        state,
      });
    });
  } finally {
    bar.stop();
  }
}

async function main(): Promise<void> {
  const { file, base, headers } = parameters();
  const wave = readWaveFile(file);
  const client = openClient(base, headers);
  const waveId = await sendWave(client, wave);
  await follow(client, waveId);
  const path = `/rebalance/waves/${waveId}`;
  const over = await client.get(path, WaveResponse);
  const { items } = await client.get(`${path}/items?status=FAILED&limit=10`, WaveItemListResponse);
  console.log(waveSummary(over, items));
}

try {
  await main();
} catch (error) {
  const isToRead = error instanceof Refused || (error instanceof Error && error.message === USE);
  console.error(isToRead ? error.message : error);
  process.exitCode = 1;
}
