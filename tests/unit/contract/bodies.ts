import type * as z from "zod";
import { validate, type Fault, type Validated, type UnknownFields } from "../../../src/contract/faults.ts";
import { readJsonBody } from "../../../src/platform/json/read-json.ts";

/** A JSON body as a test writes it; `raw("1e400")` stands for a number in exactly that spelling. */
export type Draft = Record<string, unknown>;

const RAW = "raw-number:";

export function raw(number: string): string {
  return `${RAW}${number}`;
}

function toText(body: unknown): string {
  return JSON.stringify(body).replaceAll(new RegExp(`"${RAW}([^"]*)"`, "g"), "$1");
}

/** Reads a body as a request does: through the strict parser, then by the schema. */
export function read<T>(
  schema: z.ZodType<T>,
  body: unknown,
  unknownFields: UnknownFields = "refuse",
): Validated<T> {
  const json = readJsonBody(Buffer.from(toText(body)));
  if (!json.ok) throw new Error(json.reason);
  return validate(schema, json.value, unknownFields);
}

/** What was read; fails the test when the body is refused. */
export function accepted<T>(schema: z.ZodType<T>, body: unknown, unknownFields: UnknownFields = "refuse"): T {
  const reading = read(schema, body, unknownFields);
  if (reading.ok) return reading.value;
  throw new Error(`refused: ${JSON.stringify(reading.faults)}`);
}

/** The faults of a body that must be refused. */
export function refused(
  schema: z.ZodType,
  body: unknown,
  unknownFields: UnknownFields = "refuse",
): readonly Fault[] {
  const reading = read(schema, body, unknownFields);
  if (reading.ok) throw new Error("the body was accepted");
  return reading.faults;
}

/** `path: code` of each fault. */
export function placesOf(faults: readonly Fault[]): string[] {
  return faults.map(({ path, code }) => `${path.join(".")}: ${code}`);
}

/** A position with one lot that covers it. */
export function position(): Draft {
  const lot = {
    lot_id: "L1",
    quantity: "10",
    unit_cost: { amount: "9.50", currency: "USD" },
    purchase_date: "2020-01-15",
  };
  return { instrument_id: "EQ_1", quantity: "10", lots: [lot] };
}

/** What all three requests share. */
function inputs() {
  return {
    portfolio_snapshot: {
      portfolio_id: "pf_1",
      base_currency: "USD",
      positions: [position()],
      cash_balances: [{ currency: "USD", amount: "100.00" }],
    },
    market_data_snapshot: {
      prices: [{ instrument_id: "EQ_1", price: "10", currency: "USD" }],
      fx_rates: [{ pair: "EUR/USD", rate: "1.1" }],
    },
    shelf_entries: [{ instrument_id: "EQ_1", status: "APPROVED", attributes: { sector: "TECH" } }],
  };
}

export function rebalanceBody() {
  return {
    ...inputs(),
    model_portfolio: { targets: [{ instrument_id: "EQ_1", weight: "0.5" }] },
    options: {} as Draft,
  };
}

export function batchBody() {
  const { options: _options, ...rest } = rebalanceBody();
  return { ...rest, scenarios: { baseline: { options: {} } } as Draft };
}

export function proposalBody() {
  return {
    ...inputs(),
    options: { enable_proposal_simulation: true } as Draft,
    proposed_cash_flows: [{ currency: "USD", amount: "100" }] as Draft[],
    proposed_trades: [{ side: "BUY", instrument_id: "EQ_1", quantity: "1" }] as Draft[],
  };
}
