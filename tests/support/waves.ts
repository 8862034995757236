import { expect, vi } from "vitest";
import { WaveResponse, type WaveState } from "../../src/features/waves/schemas.ts";
import type * as z from "zod";
import { read, type Received, type TestApp } from "./app.ts";
import { newKey } from "./runs.ts";

export type Wave = z.output<typeof WaveResponse>;

const PATIENCE = { timeout: 60_000, interval: 20 };

/** What the portfolios of a test share: one share and cash in USD. */
export const SHARED = {
  market_data_snapshot: {
    prices: [{ instrument_id: "EQ_1", price: "10", currency: "USD" }],
    fx_rates: [{ pair: "EUR/USD", rate: "1.25" }],
  },
  model_portfolio: { targets: [{ instrument_id: "EQ_1", weight: "0.6" }] },
  shelf_entries: [{ instrument_id: "EQ_1", status: "APPROVED", asset_class: "EQUITY" }],
  options: {},
};

/** A portfolio that is worth so many shares and 1,000 in cash. */
export function portfolio(id: string, quantity = "10", change: Readonly<Record<string, unknown>> = {}) {
  return {
    portfolio_snapshot: {
      portfolio_id: id,
      base_currency: "USD",
      positions: [{ instrument_id: "EQ_1", quantity }],
      cash_balances: [{ currency: "USD", amount: "1000" }],
    },
    ...change,
  };
}

/** As many portfolios, each another. */
export function portfolios(count: number, prefix = "pf"): unknown[] {
  return Array.from({ length: count }, (_, index) =>
    portfolio(`${prefix}-${String(index + 1).padStart(5, "0")}`, String(10 + (index % 50))),
  );
}

export function waveBody(items: readonly unknown[], change: Readonly<Record<string, unknown>> = {}) {
  return { wave_name: "test", created_by: "desk.kim", shared: SHARED, portfolios: items, ...change };
}

export async function createWave(
  app: TestApp,
  items: readonly unknown[],
  change: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<Wave> {
  const { headers = {}, body = {} } = change;
  const made = await app.post("/rebalance/waves", {
    key: newKey("wave"),
    headers,
    body: waveBody(items, body),
  });
  expect(made.status, made.text).toBe(201);
  return read(WaveResponse, made);
}

/** Does something with a wave, and expects it to be done. */
export async function act(app: TestApp, wave: Pick<Wave, "wave_id">, action: string): Promise<Wave> {
  const answer = await tryTo(app, wave, action);
  expect(answer.status, answer.text).toBe(200);
  return read(WaveResponse, answer);
}

export function tryTo(
  app: TestApp,
  { wave_id }: Pick<Wave, "wave_id">,
  action: string,
  body: Readonly<Record<string, unknown>> = { actor_id: "desk.lee" },
): Promise<Received> {
  return app.post(`/rebalance/waves/${wave_id}/${action}`, { key: newKey(action), body });
}

export async function getWave(app: TestApp, { wave_id }: Pick<Wave, "wave_id">): Promise<Wave> {
  return read(WaveResponse, await app.get(`/rebalance/waves/${wave_id}`));
}

/** Until a wave is in that state, and nothing of it is under way. */
export async function untilState(app: TestApp, wave: Pick<Wave, "wave_id">, state: WaveState): Promise<Wave> {
  return vi.waitFor(async () => {
    const now = await getWave(app, wave);
    expect(now.state).toBe(state);
    expect(now.counts.items.RUNNING).toBe(0);
    return now;
  }, PATIENCE);
}
