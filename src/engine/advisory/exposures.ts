import { add, type Decimal } from "../../decimal/decimal.ts";
import { weightOf, type Valuation } from "../valuation.ts";

/** Shares of a portfolio's total by name, not rounded. */
export type Weights = ReadonlyMap<string, Decimal>;

/** The weights of a portfolio that drift and suitability evaluate. */
export type Exposures = {
  /** Several positions in one instrument are added up. */
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

/** Adds to the weight under a name. The first weight is stored without an addition, which would round it. */
export function addWeight(weights: Map<string, Decimal>, name: string, weight: Decimal): void {
  const sum = weights.get(name);
  weights.set(name, sum === undefined ? weight : add(sum, weight));
}
