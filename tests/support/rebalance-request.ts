import { RebalanceRequest } from "../../src/contract/rebalance.ts";
import { readJsonBody, type JsonTree } from "../../src/platform/json/read-json.ts";

/** A body as it would come over the wire: numbers keep their digits, objects have no prototype. */
export function asJsonBody(value: unknown): JsonTree {
  const body = readJsonBody(Buffer.from(JSON.stringify(value)));
  if (!body.ok) throw new Error(body.reason);
  return body.value;
}

/** One instrument of a small portfolio in EUR. */
export type Holding = {
  readonly id: string;
  readonly quantity?: string;
  readonly price?: string;
  readonly currency?: string;
  readonly target?: string;
  readonly status?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly lots?: readonly unknown[];
};

/** A rebalance in EUR: 1,000 in cash unless said otherwise; every instrument has a price of 1 and is approved. */
export function rebalanceRequest(
  holdings: readonly Holding[],
  options: Readonly<Record<string, unknown>> = {},
  cash = "1000",
): RebalanceRequest {
  const held = holdings.filter(({ quantity }) => quantity !== undefined);
  const modelled = holdings.filter(({ target }) => target !== undefined);
  return RebalanceRequest.parse(
    asJsonBody({
      market_data_snapshot: {
        fx_rates: [{ pair: "USD/EUR", rate: "0.5" }],
        prices: holdings.map(({ currency, id, price }) => ({
          currency: currency ?? "EUR",
          instrument_id: id,
          price: price ?? "1",
        })),
      },
      model_portfolio: {
        targets: modelled.map(({ id, target }) => ({ instrument_id: id, weight: target })),
      },
      options,
      portfolio_snapshot: {
        base_currency: "EUR",
        cash_balances: [{ amount: cash, currency: "EUR" }],
        portfolio_id: "pf_1",
        positions: held.map(({ id, lots, quantity }) => ({
          instrument_id: id,
          lots: lots ?? [],
          quantity,
        })),
      },
      shelf_entries: holdings.map(({ attributes, id, status }) => ({
        attributes: attributes ?? {},
        instrument_id: id,
        status: status ?? "APPROVED",
      })),
    }),
  );
}

export const RUN_IDENTITY = {
  correlationId: "corr_1",
  engineVersion: "1.2.3",
  defaultRulesVersion: "1",
  idempotencyKey: "key-1",
  requestHash: "sha256:1",
  runId: "rr_1",
} as const;
