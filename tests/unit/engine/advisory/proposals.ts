import type { ProposalArtifact } from "../../../../src/contract/artifact.ts";
import { ProposalSimulateRequest, type ProposalResult } from "../../../../src/contract/proposal.ts";
import { buildArtifact } from "../../../../src/engine/advisory/artifact.ts";
import { proposalRunId, simulateProposal } from "../../../../src/engine/advisory/simulate-proposal.ts";
import type { RunIdentity } from "../../../../src/engine/lineage.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { contentHash } from "../../../../src/platform/hash.ts";
import { readJsonBody } from "../../../../src/platform/json/read-json.ts";

/** A body as a caller would send it; what is left out has its default. */
export type ProposalBody = Record<string, unknown>;

/** Limits wide enough that suitability has nothing to say. */
const NO_LIMITS = {
  single_position_max_weight: "1",
  issuer_max_weight: "1",
  max_weight_by_liquidity_tier: {},
  cash_band_min_weight: "0",
  cash_band_max_weight: "1",
};

/** A USD portfolio worth 2,000: 1,000 in cash and 100 EQ at 10. FI can be bought at 5. */
export function proposalBody(changes: ProposalBody = {}, options: ProposalBody = {}): ProposalBody {
  return {
    portfolio_snapshot: portfolio(),
    market_data_snapshot: marketData(),
    shelf_entries: [shelf("EQ"), shelf("FI")],
    options: { enable_proposal_simulation: true, suitability_thresholds: NO_LIMITS, ...options },
    ...changes,
  };
}

export function portfolio(changes: ProposalBody = {}): ProposalBody {
  return {
    portfolio_id: "pf_1",
    base_currency: "USD",
    positions: [held("EQ", "100")],
    cash_balances: [cash("USD", "1000")],
    ...changes,
  };
}

export function marketData(changes: ProposalBody = {}): ProposalBody {
  return { prices: [price("EQ", "10"), price("FI", "5")], fx_rates: [], ...changes };
}

export function held(instrument_id: string, quantity: string, more: ProposalBody = {}): ProposalBody {
  return { instrument_id, quantity, ...more };
}

export function cash(currency: string, amount: string): ProposalBody {
  return { currency, amount };
}

export function price(instrument_id: string, amount: string, currency = "USD"): ProposalBody {
  return { instrument_id, price: amount, currency };
}

export function fx(pair: string, rate: string): ProposalBody {
  return { pair, rate };
}

export function shelf(instrument_id: string, more: ProposalBody = {}): ProposalBody {
  return {
    instrument_id,
    status: "APPROVED",
    asset_class: `CLASS_${instrument_id}`,
    issuer_id: `ISSUER_${instrument_id}`,
    liquidity_tier: "L1",
    ...more,
  };
}

export function buy(instrument_id: string, quantity: string): ProposalBody {
  return { side: "BUY", instrument_id, quantity };
}

export function sell(instrument_id: string, quantity: string): ProposalBody {
  return { side: "SELL", instrument_id, quantity };
}

/** Reads a body the way the service does: numbers with the digits they were written with. */
export function parseProposal(body: unknown): ProposalSimulateRequest {
  return ProposalSimulateRequest.parse(body);
}

/** A body that was made in code, as it would come over the wire. */
export function request(changes: ProposalBody = {}, options: ProposalBody = {}): ProposalSimulateRequest {
  const sent = readJsonBody(Buffer.from(JSON.stringify(proposalBody(changes, options))));
  if (!sent.ok) throw new Error(sent.reason);
  return parseProposal(sent.value);
}

export function identityOf(
  proposal: ProposalSimulateRequest,
  changes: Partial<RunIdentity> = {},
): RunIdentity {
  const requestHash = contentHash(canonicalJson(proposal));
  return {
    runId: proposalRunId(requestHash),
    correlationId: "corr_1",
    requestHash,
    idempotencyKey: null,
    engineVersion: "0.0.0",
    defaultRulesVersion: "1",
    ...changes,
  };
}

export function simulate(
  proposal: ProposalSimulateRequest,
  identity: RunIdentity = identityOf(proposal),
): ProposalResult {
  return simulateProposal(proposal, identity);
}

/** Simulates a body and gives the result. */
export function simulated(changes: ProposalBody = {}, options: ProposalBody = {}): ProposalResult {
  return simulate(request(changes, options));
}

export function packageOf(
  proposal: ProposalSimulateRequest,
  result: ProposalResult = simulate(proposal),
  createdAt = "2026-01-01T00:00:00.000Z",
): ProposalArtifact {
  return buildArtifact(proposal, result, {
    createdAt,
    hash: (document) => contentHash(canonicalJson(document)),
  });
}
