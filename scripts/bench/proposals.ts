import { randomUUID } from "node:crypto";
import { percentilesOf, type Percentiles } from "./percentiles.ts";
import { send } from "../demo/client.ts";

export type ProposalFigure = Percentiles & { readonly what: string };

const CALLS = 200;

/** Creating and moving proposals. */
export async function benchProposals(base: string): Promise<ProposalFigure[]> {
  const created = await timed(CALLS, () => post(base, "/rebalance/proposals", createBody()));
  const moved = await timed(CALLS, (at) => {
    const proposalId = idOf(created.texts[at] ?? "");
    const body = {
      event_type: "SUBMITTED_FOR_RISK_REVIEW",
      actor_id: "advisor_bench",
      expected_state: "DRAFT",
    };
    return post(base, `/rebalance/proposals/${proposalId}/transitions`, body);
  });
  return [
    { what: "create", ...percentilesOf(created.times) },
    { what: "transition", ...percentilesOf(moved.times) },
  ];
}

type Timed = { readonly texts: string[]; readonly times: number[] };

async function timed(calls: number, call: (at: number) => Promise<string>): Promise<Timed> {
  const texts: string[] = [];
  const times: number[] = [];
  for (let at = 0; at < calls; at += 1) {
    const startedAt = performance.now();
    texts.push(await call(at));
    times.push(performance.now() - startedAt);
  }
  return { texts, times };
}

async function post(base: string, path: string, body: unknown): Promise<string> {
  const reply = await send(base, "POST", path, { body, key: randomUUID() });
  if (reply.status !== 200) throw new Error(`${path}: ${reply.status} ${reply.text}`);
  return reply.text;
}

export function idOf(text: string): string {
  const id = /"proposal_id":"(pp_[0-9a-f]+)"/.exec(text)?.[1];
  if (id === undefined) throw new Error("no proposal id in the answer");
  return id;
}

export function createBody() {
  return {
    created_by: "advisor_bench",
    simulate_request: {
      portfolio_snapshot: {
        portfolio_id: "pf_bench",
        base_currency: "USD",
        positions: [{ instrument_id: "US_MSFT", quantity: "150" }],
        cash_balances: [{ currency: "USD", amount: "85000.00" }],
      },
      market_data_snapshot: {
        prices: [
          { instrument_id: "US_MSFT", price: "412.50", currency: "USD" },
          { instrument_id: "US_TREASURY", price: "96.75", currency: "USD" },
        ],
      },
      shelf_entries: [
        { instrument_id: "US_MSFT", status: "APPROVED", asset_class: "EQUITY" },
        { instrument_id: "US_TREASURY", status: "APPROVED", asset_class: "FIXED_INCOME" },
      ],
      options: { enable_proposal_simulation: true },
      proposed_trades: [{ side: "BUY", instrument_id: "US_TREASURY", quantity: "500" }],
    },
  };
}
