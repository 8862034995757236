import { add, type Decimal } from "../../decimal/decimal.ts";
import { weightOf, type Valuation } from "../valuation.ts";

/** Shares of a portfolio's total by name, not rounded. */
export type Weights = ReadonlyMap<string, Decimal>;

/** What a portfolio is exposed to: all that drift and suitability look at. */
export type Exposures = {
  /** An instrument that is held in several rows weighs what they weigh together. */
  readonly instruments: Weights;
  /** Cash is the asset class CASH, together with positions of that class. */
  readonly assetClasses: Weights;
  readonly cash: Decimal;
};

export function exposuresOf(valuation: Valuation): Exposures {
  const instruments = new Map<string, Decimal>();
  for (const position of valuation.positions) {
    addWeight(instruments, position.instrumentId, weightOf(position, valuation));
  }
  return {
    instruments,
    assetClasses: new Map(valuation.assetClasses.map(({ key, weight }) => [key, weight])),
    cash: valuation.cashWeight,
  };
}

/** Adds to the weight under a name. A first weight is taken as it is, with all its digits. */
export function addWeight(weights: Map<string, Decimal>, name: string, weight: Decimal): void {
  const sum = weights.get(name);
  weights.set(name, sum === undefined ? weight : add(sum, weight));
}
