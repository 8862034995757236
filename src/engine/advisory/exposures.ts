import { add, type Decimal } from "../../decimal/decimal.ts";
import type { Valuation } from "../valuation.ts";

/** Shares of a portfolio's total by name, not rounded. */
export type Weights = ReadonlyMap<string, Decimal>;

/** Weight of each instrument; an instrument that is held in several rows weighs what they weigh together. */
export function instrumentWeights({ positions }: Valuation): Map<string, Decimal> {
  const weights = new Map<string, Decimal>();
  for (const { instrumentId, weight } of positions) addWeight(weights, instrumentId, weight);
  return weights;
}

export function assetClassWeights({ assetClasses }: Valuation): Map<string, Decimal> {
  return new Map(assetClasses.map(({ key, weight }) => [key, weight]));
}

/** Adds to the weight under a name. A first weight is taken as it is, with all its digits. */
export function addWeight(weights: Map<string, Decimal>, name: string, weight: Decimal): void {
  const sum = weights.get(name);
  weights.set(name, sum === undefined ? weight : add(sum, weight));
}
