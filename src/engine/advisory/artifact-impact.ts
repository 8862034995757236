import type {
  ProposalArtifactPortfolioImpact,
  ProposalArtifactPortfolioState,
  ProposalArtifactWeightChange,
} from "../../contract/artifact.ts";
import type { MoneyText } from "../../contract/money.ts";
import type { ProposalResult } from "../../contract/proposal.ts";
import type { AllocationMetric, SimulatedState } from "../../contract/state.ts";
import type { Arithmetic } from "../../decimal/arithmetic.ts";
import { compare, isZero, ONE, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { fromText, toFixedText } from "../../decimal/text.ts";
import { moneyText } from "../money.ts";
import { compareCodePoints } from "../order.ts";
import { addWeight, type Weights } from "./exposures.ts";

const WEIGHT_DECIMALS = 4;

/** The states before and after, sorted by descending weight, and the largest changes of weight. */
export function portfolioImpact(
  result: ProposalResult,
  limit: number,
  arithmetic: Arithmetic,
): ProposalArtifactPortfolioImpact {
  const { before, after_simulated: after } = result;
  return {
    after: portfolioState(after, arithmetic),
    before: portfolioState(before, arithmetic),
    delta: {
      largest_weight_changes: largestWeightChanges(
        instrumentWeights(before, arithmetic),
        instrumentWeights(after, arithmetic),
        limit,
        arithmetic,
      ),
      total_value_delta: totalValueDelta(before.total_value, after.total_value, arithmetic),
    },
    reconciliation: result.reconciliation,
  };
}

function portfolioState(state: SimulatedState, arithmetic: Arithmetic): ProposalArtifactPortfolioState {
  return {
    allocation_by_asset_class: byDescendingWeight(state, state.allocation_by_asset_class, arithmetic),
    allocation_by_instrument: byDescendingWeight(state, state.allocation_by_instrument, arithmetic),
    total_value: state.total_value,
  };
}

function totalValueDelta(before: MoneyText, after: MoneyText, { subtract }: Arithmetic): MoneyText {
  return moneyText(subtract(fromText(after.amount), fromText(before.amount)), after.currency);
}

/** The weights of a state have four decimals only, so they are computed again from its values. */
function weightsOf(
  state: SimulatedState,
  metrics: readonly AllocationMetric[],
  { divide }: Arithmetic,
): Decimal[] {
  const total = fromText(state.total_value.amount);
  const divisor = isZero(total) ? ONE : total;
  return metrics.map(({ value }) => divide(fromText(value.amount), divisor));
}

function byDescendingWeight(
  state: SimulatedState,
  metrics: readonly AllocationMetric[],
  arithmetic: Arithmetic,
): AllocationMetric[] {
  const weights = weightsOf(state, metrics, arithmetic);
  return metrics
    .map((metric, index) => ({ metric, weight: weights[index] ?? ZERO }))
    .sort((a, b) => compare(b.weight, a.weight) || compareCodePoints(a.metric.key, b.metric.key))
    .map(({ metric: { key, value }, weight }) => ({ key, value, weight: weightText(weight) }));
}

function instrumentWeights(state: SimulatedState, arithmetic: Arithmetic): Weights {
  const metrics = state.allocation_by_instrument;
  const weights = weightsOf(state, metrics, arithmetic);
  const byInstrument = new Map<string, Decimal>();
  metrics.forEach(({ key }, index) => addWeight(byInstrument, key, weights[index] ?? ZERO, arithmetic));
  return byInstrument;
}

function largestWeightChanges(
  before: Weights,
  after: Weights,
  limit: number,
  arithmetic: Arithmetic,
): ProposalArtifactWeightChange[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((id) => weightChange(id, before.get(id) ?? ZERO, after.get(id) ?? ZERO, arithmetic))
    .filter(({ size }) => !isZero(size))
    .sort((a, b) => compare(b.size, a.size) || compareCodePoints(a.id, b.id))
    .slice(0, limit)
    .map(({ id, weightBefore, weightAfter, delta }) => ({
      bucket_id: id,
      bucket_type: "INSTRUMENT",
      delta: weightText(delta),
      weight_after: weightText(weightAfter),
      weight_before: weightText(weightBefore),
    }));
}

function weightChange(
  id: string,
  weightBefore: Decimal,
  weightAfter: Decimal,
  { absolute, subtract }: Arithmetic,
) {
  const delta = subtract(weightAfter, weightBefore);
  return { id, weightBefore, weightAfter, delta, size: absolute(delta) };
}

function weightText(weight: Decimal): string {
  return toFixedText(weight, WEIGHT_DECIMALS);
}
