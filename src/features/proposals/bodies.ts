import { ProposalSimulateRequest } from "../../contract/proposal.ts";
import { BodyType, type Document } from "../../platform/body-type.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { ProposalCreateRequest, ProposalVersionRequest } from "./request-schemas.ts";

/** `cost`: estimated work, in positions that are calculated once. */
type SimulationFacts = {
  readonly cost: number;
  readonly options: { readonly enable_proposal_simulation: boolean };
};

export type SimulateDocument = Document<SimulationFacts>;
/** Of a proposal or a version: what is simulated for it, and who makes it. */
export type DraftDocument = Document<SimulationFacts & { readonly created_by: string }>;

export const SimulateBody = new BodyType("a simulation", ProposalSimulateRequest, (request) => ({
  text: canonicalJson(request),
  facts: factsOf(request),
}));

export const CreateBody = new BodyType("a proposal", ProposalCreateRequest, (request) => ({
  text: canonicalJson(request),
  facts: { ...factsOf(request.simulate_request), created_by: request.created_by },
}));

export const VersionBody = new BodyType("a version", ProposalVersionRequest, (request) => ({
  text: canonicalJson(request),
  facts: { ...factsOf(request.simulate_request), created_by: request.created_by },
}));

function factsOf(request: ProposalSimulateRequest): SimulationFacts {
  const { enable_proposal_simulation } = request.options;
  return { cost: costOf(request), options: { enable_proposal_simulation } };
}

function costOf(request: ProposalSimulateRequest): number {
  const { portfolio_snapshot, market_data_snapshot, shelf_entries, reference_model } = request;
  const lots = portfolio_snapshot.positions.reduce((sum, position) => sum + position.lots.length, 0);
  const listed = Math.max(
    portfolio_snapshot.positions.length,
    market_data_snapshot.prices.length,
    shelf_entries.length,
    reference_model?.instrument_targets.length ?? 0,
  );
  return listed + request.proposed_trades.length + request.proposed_cash_flows.length + lots / 10;
}
