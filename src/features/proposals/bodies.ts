import type { Fault } from "../../contract/faults.ts";
import { FIRST_RULES_VERSION, type RulesVersion } from "../../contract/options.ts";
import { ProposalSimulateRequest } from "../../contract/proposal.ts";
import { BodyType, type Document } from "../../platform/body-type.ts";
import { faultsOf } from "../../engine/versions.ts";
import { refusedInput, type RefusedInput } from "../../platform/refused-input.ts";
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
  faults: faultsOf(request, FIRST_RULES_VERSION),
}));

export const CreateBody = new BodyType("a proposal", ProposalCreateRequest, (request) => ({
  text: canonicalJson(request),
  facts: { ...factsOf(request.simulate_request), created_by: request.created_by },
  faults: draftFaults(request.simulate_request),
}));

export const VersionBody = new BodyType("a version", ProposalVersionRequest, (request) => ({
  text: canonicalJson(request),
  facts: { ...factsOf(request.simulate_request), created_by: request.created_by },
  faults: draftFaults(request.simulate_request),
}));

/** Of rules that the request names itself; what the deployment chooses is known when it is calculated. */
function draftFaults(request: ProposalSimulateRequest): readonly Fault[] {
  return refusedDraft(request, FIRST_RULES_VERSION)?.faults ?? [];
}

/** Why the rules in force cannot take what a proposal or a version is simulated from; undefined where they can. */
export function refusedDraft(
  request: ProposalSimulateRequest,
  byDefault: RulesVersion,
): RefusedInput | undefined {
  return refusedInput(faultsOf(request, byDefault), ["simulate_request"]);
}

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
