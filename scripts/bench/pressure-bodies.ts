import { CLASSES, simulateBody } from "./portfolio.ts";
import { expectOk } from "./probes.ts";
import { idOf } from "./proposals.ts";

/** A request with the largest body of its kind that is allowed. */
export type LargeRequest = { readonly what: string; readonly path: string; readonly body: string };

const MOST_BYTES = 1_048_576;
/** Of bodies without a portfolio. */
const MOST_SMALL_BYTES = 65_536;
const MOST_LISTED = 5_000;
const MOST_SCENARIOS = 20;
const MOST_CAPS = 100;
/** Positions times scenarios are bounded for batches that are answered at once. */
const MOST_CALCULATED = 20_000;

/** One of every kind, the limits of the contract or of the body's size exhausted. `proposalId`: one that exists. */
export function largestRequests(proposalId: string): LargeRequest[] {
  const rebalance = largest((size) => simulateBody(size));
  const solved = largest((size) => withCaps(simulateBody(size)));
  const batch = batchOf(simulateBody(MOST_CALCULATED / MOST_SCENARIOS), MOST_SCENARIOS);
  const solvedBatch = batchOf(withCaps(simulateBody(MOST_CALCULATED / MOST_SCENARIOS)), MOST_SCENARIOS);
  const laterBatch = largest((size) => batchOf(simulateBody(size), MOST_SCENARIOS));
  const proposal = largest((size) => proposalBody(size));
  const draft = largest((size) => ({ created_by: "advisor_bench", simulate_request: proposalBody(size) }));
  const faults = largest((size) => ({
    shelf_entries: Array.from({ length: size }, () => ({ unknown: "x".repeat(180) })),
  }));
  const reason = largest(
    (size) => ({
      event_type: "EXPIRED",
      actor_id: "advisor_bench",
      expected_state: "EXECUTED",
      reason: Object.fromEntries(Array.from({ length: size }, (_, at) => [`k${at}`, at])),
    }),
    MOST_SMALL_BYTES,
  );
  const versions = `/rebalance/proposals/${proposalId}/versions`;
  return [
    { what: "simulate", path: "/rebalance/simulate", body: rebalance },
    { what: "simulate, solver", path: "/rebalance/simulate", body: solved },
    { what: "simulate, nothing but faults", path: "/rebalance/simulate", body: faults },
    { what: "analyze", path: "/rebalance/analyze", body: JSON.stringify(batch) },
    { what: "analyze, solver", path: "/rebalance/analyze", body: JSON.stringify(solvedBatch) },
    { what: "analyze later", path: "/rebalance/analyze/async", body: laterBatch },
    { what: "simulate a proposal", path: "/rebalance/proposals/simulate", body: proposal },
    { what: "artifact of a proposal", path: "/rebalance/proposals/artifact", body: proposal },
    { what: "create a proposal", path: "/rebalance/proposals", body: draft },
    { what: "create a proposal later", path: "/rebalance/proposals/async", body: draft },
    { what: "create a version", path: versions, body: draft },
    { what: "create a version later", path: `${versions}/async`, body: draft },
    {
      what: "transition, refused",
      path: `/rebalance/proposals/${proposalId}/transitions`,
      body: reason,
    },
  ];
}

type Inputs = ReturnType<typeof simulateBody>;

/** As many caps as are allowed, over every class and sector and over groups that hold every instrument's own. */
function withCaps(body: Inputs) {
  const shelf_entries = body.shelf_entries.map((entry, at) => ({
    ...entry,
    attributes: { ...entry.attributes, group: `g${at % MOST_CAPS}` },
  }));
  const caps = Array.from({ length: MOST_CAPS }, (_, at) => [`group:g${at}`, { max_weight: "0.0098" }]);
  const options = {
    ...body.options,
    target_method: "SOLVER",
    group_constraints: Object.fromEntries(caps) as unknown,
  };
  return { ...body, shelf_entries, options };
}

function batchOf({ options, ...inputs }: { readonly options: unknown }, scenarios: number) {
  const names = Array.from({ length: scenarios }, (_, at) => `scenario_${at}`);
  return { ...inputs, scenarios: Object.fromEntries(names.map((name) => [name, { options }])) };
}

function proposalBody(size: number) {
  const { portfolio_snapshot, market_data_snapshot, shelf_entries, model_portfolio } = simulateBody(size);
  return {
    portfolio_snapshot,
    market_data_snapshot,
    shelf_entries,
    options: { enable_proposal_simulation: true, enable_instrument_drift: true },
    reference_model: {
      model_id: "model_bench",
      as_of: "2026-01-31",
      base_currency: "USD",
      asset_class_targets: CLASSES.map((asset_class) => ({ asset_class, weight: "0.32" })),
      instrument_targets: model_portfolio.targets,
    },
    proposed_trades: shelf_entries.slice(0, size / 10).map(({ instrument_id }) => ({
      side: "BUY",
      instrument_id,
      quantity: "1",
    })),
  };
}

/** The largest simulation of a proposal of no more bytes. */
export function largestProposal(mostBytes: number): unknown {
  return JSON.parse(largest(proposalBody, mostBytes));
}

/** The body of the largest size whose bytes may be sent. */
function largest(bodyOf: (size: number) => unknown, mostBytes = MOST_BYTES): string {
  let low = 1;
  let high = MOST_LISTED + 1;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const isAllowed = JSON.stringify(bodyOf(middle)).length <= mostBytes;
    if (isAllowed) low = middle;
    else high = middle;
  }
  return JSON.stringify(bodyOf(low));
}

/** A proposal that takes versions and transitions: its id. */
export async function createProposal(base: string): Promise<string> {
  const { portfolio_snapshot, market_data_snapshot, shelf_entries } = simulateBody(2);
  const simulate_request = {
    portfolio_snapshot,
    market_data_snapshot,
    shelf_entries,
    options: { enable_proposal_simulation: true },
  };
  const body = JSON.stringify({ created_by: "advisor_bench", simulate_request });
  return idOf((await expectOk(base, "POST", "/rebalance/proposals", body)).text);
}
