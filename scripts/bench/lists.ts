import { DpmRunListResponse, type DpmRunListItemResponse } from "../../src/features/runs/schemas.ts";
import { send } from "../demo/client.ts";
import { percentilesOf, type Percentiles } from "./percentiles.ts";

export type ListFigure = Percentiles & { readonly what: string };

const SAMPLES = 40;
const CALLS = 200;
const PAGE = "limit=50";

type Sample = DpmRunListItemResponse & { readonly cursor: string };

/** One caller at a time asks every list and lookup for rows from all over a filled database. */
export async function benchLists(base: string): Promise<ListFigure[]> {
  const samples = await sampleRuns(base);
  const figures: ListFigure[] = [];
  for (const [what, path] of REQUESTS) figures.push(await measure(base, samples, what, path));
  return figures;
}

/** Runs from even steps of the time that the runs were made in, each with the cursor of the page behind it. */
async function sampleRuns(base: string): Promise<Sample[]> {
  const summary = JSON.parse(await get(base, "/rebalance/supportability/summary")) as {
    oldest_run_created_at: string;
    newest_run_created_at: string;
  };
  const oldest = Date.parse(summary.oldest_run_created_at);
  const newest = Date.parse(summary.newest_run_created_at);
  const samples: Sample[] = [];
  for (let step = 1; step <= SAMPLES; step += 1) {
    const to = new Date(oldest + ((newest - oldest) * step) / SAMPLES).toISOString();
    const text = await get(base, `/rebalance/runs?limit=4&to=${to}`);
    const { items, next_cursor: cursor } = DpmRunListResponse.parse(JSON.parse(text));
    const run = items.find((item) => item.idempotency_key !== null);
    if (run !== undefined && cursor !== null) samples.push({ ...run, cursor });
  }
  return samples;
}

const REQUESTS: readonly (readonly [string, (run: Sample) => string])[] = [
  ["supportability summary", () => "/rebalance/supportability/summary"],
  ["runs, newest", () => `/rebalance/runs?${PAGE}`],
  ["runs, a page anywhere", ({ cursor }) => `/rebalance/runs?${PAGE}&cursor=${cursor}`],
  ["runs of a status", ({ status }) => `/rebalance/runs?${PAGE}&status=${status}`],
  [
    "runs of a status, a page anywhere",
    (run) => `/rebalance/runs?${PAGE}&status=BLOCKED&cursor=${run.cursor}`,
  ],
  ["runs of a portfolio", (run) => `/rebalance/runs?${PAGE}&portfolio_id=${run.portfolio_id}`],
  ["runs of a request hash", (run) => `/rebalance/runs?${PAGE}&request_hash=${run.request_hash}`],
  ["runs up to a time", ({ created_at }) => `/rebalance/runs?${PAGE}&to=${created_at}`],
  [
    "runs of a portfolio and status, up to a time",
    (run) => `/rebalance/runs?${PAGE}&portfolio_id=${run.portfolio_id}&status=BLOCKED&to=${run.created_at}`,
  ],
  ["run by id", (run) => `/rebalance/runs/${run.rebalance_run_id}`],
  ["run by correlation id", (run) => `/rebalance/runs/by-correlation/${run.correlation_id}`],
  ["run by request hash", (run) => `/rebalance/runs/by-request-hash/${run.request_hash}`],
  ["run by key", (run) => `/rebalance/runs/idempotency/${String(run.idempotency_key)}`],
  ["history of a key", (run) => `/rebalance/idempotency/${String(run.idempotency_key)}/history`],
  ["support bundle", (run) => `/rebalance/runs/${run.rebalance_run_id}/support-bundle`],
  ["lineage of a run", (run) => `/rebalance/lineage/${run.rebalance_run_id}`],
  ["lineage of a correlation id", (run) => `/rebalance/lineage/${run.correlation_id}`],
  ["lineage of a key", (run) => `/rebalance/lineage/${String(run.idempotency_key)}`],
  ["review of a run", (run) => `/rebalance/runs/${run.rebalance_run_id}/workflow`],
  ["review history of a run", (run) => `/rebalance/runs/${run.rebalance_run_id}/workflow/history`],
  ["decisions, newest", () => `/rebalance/workflow/decisions?${PAGE}`],
  ["decisions of an action", () => `/rebalance/workflow/decisions?${PAGE}&action=REJECT`],
  ["decisions of an actor", () => `/rebalance/workflow/decisions?${PAGE}&actor_id=officer_8`],
  ["decisions of a reason", () => `/rebalance/workflow/decisions?${PAGE}&reason_code=CLIENT_AGREED`],
  ["decisions up to a time", (run) => `/rebalance/workflow/decisions?${PAGE}&to=${run.created_at}`],
  ["decisions of a run", (run) => `/rebalance/workflow/decisions?rebalance_run_id=${run.rebalance_run_id}`],
  [
    "decisions of a correlation id",
    (run) => `/rebalance/workflow/decisions/by-correlation/${run.correlation_id}`,
  ],
  ["operations, newest", () => `/rebalance/operations?${PAGE}`],
  ["operations of a status", () => `/rebalance/operations?${PAGE}&status=FAILED`],
  ["operations up to a time", (run) => `/rebalance/operations?${PAGE}&to=${run.created_at}`],
  ["operations of a correlation id", (run) => `/rebalance/operations?correlation_id=${run.correlation_id}`],
];

async function measure(
  base: string,
  samples: readonly Sample[],
  what: string,
  path: (run: Sample) => string,
): Promise<ListFigure> {
  const times: number[] = [];
  for (let call = 0; call < CALLS; call += 1) {
    const sample = samples[call % samples.length];
    if (sample === undefined) throw new Error("there are no runs to ask for: fill the database first");
    const startedAt = performance.now();
    await get(base, path(sample));
    times.push(performance.now() - startedAt);
  }
  return { what, ...percentilesOf(times) };
}

async function get(base: string, path: string): Promise<string> {
  const { status, text } = await send(base, "GET", path);
  if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  return text;
}
