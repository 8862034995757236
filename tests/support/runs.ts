import { RebalanceResult } from "../../src/contract/rebalance.ts";
import { read, type Received, type TestApp } from "./app.ts";

/** A rebalance that ends READY; with `NEEDS_REVIEW` as its options, one that ends PENDING_REVIEW. */
export function rebalanceBody(options: Readonly<Record<string, unknown>> = {}, quantity = "100") {
  return {
    portfolio_snapshot: {
      portfolio_id: "pf_review",
      base_currency: "USD",
      positions: [{ instrument_id: "EQ_1", quantity }],
      cash_balances: [{ currency: "USD", amount: "1000" }],
    },
    market_data_snapshot: { prices: [{ instrument_id: "EQ_1", price: "10", currency: "USD" }] },
    model_portfolio: { targets: [{ instrument_id: "EQ_1", weight: "0.6" }] },
    shelf_entries: [{ instrument_id: "EQ_1", status: "APPROVED", asset_class: "EQUITY" }],
    options,
  };
}

/** Options under which the same portfolio needs a review: more stays in cash than they allow. */
export const NEEDS_REVIEW = { cash_band_max_weight: "0.05" };

let keys = 0;

/** A key that was not used before. */
export function newKey(name = "key"): string {
  keys += 1;
  return `${name}-${String(keys)}`;
}

export type MadeRun = { readonly id: string; readonly correlationId: string; readonly key: string };

/** Simulates, by default what needs a review. */
export async function makeRun(
  app: TestApp,
  change: {
    readonly options?: Readonly<Record<string, unknown>>;
    readonly headers?: Readonly<Record<string, string>>;
    readonly correlationId?: string;
    readonly key?: string;
  } = {},
): Promise<MadeRun> {
  const key = change.key ?? newKey("sim");
  const correlationId = change.correlationId ?? `corr-${key}`;
  const headers = { ...change.headers, "x-correlation-id": correlationId };
  const body = rebalanceBody(change.options ?? NEEDS_REVIEW);
  const made = await app.post("/rebalance/simulate", { key, headers, body });
  return { id: read(RebalanceResult, made).rebalance_run_id, correlationId, key };
}

/** An action on a run's review, by the path of the run. */
export function act(
  app: TestApp,
  path: string,
  action: "APPROVE" | "REJECT" | "REQUEST_CHANGES",
  change: {
    readonly key?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<Received> {
  const { key = newKey("act"), headers = {}, body = {} } = change;
  return app.post(`/rebalance/runs/${path}/workflow/actions`, {
    key,
    headers,
    body: { action, reason_code: "LIMITS_CHECKED", actor_id: "officer_1", ...body },
  });
}
