import type { Arithmetic } from "../../decimal/arithmetic.ts";
import type { Decimal } from "../../decimal/decimal.ts";
import { weightOf, type Valuation } from "../valuation.ts";

/** Shares of a portfolio's total by name, not rounded. */
export type Weights = ReadonlyMap<string, Decimal>;

/** The weights of a portfolio that drift and suitability evaluate. */
export type Exposures = {
  /** Several positions in one instrument are added up. */
  readonly instruments: Weights;
  /** Units, not weights. */
  readonly quantities: ReadonlyMap<string, Decimal>;
  /** Cash is the asset class CASH, together with positions of that class. */
  readonly assetClasses: Weights;
  readonly cash: Decimal;
};

export function exposuresOf(valuation: Valuation): Exposures {
  const { arithmetic } = valuation;
  const instruments = new Map<string, Decimal>();
  const quantities = new Map<string, Decimal>();
  for (const position of valuation.positions) {
    addWeight(instruments, position.instrumentId, weightOf(position, valuation), arithmetic);
    addWeight(quantities, position.instrumentId, position.quantity, arithmetic);
  }
  return {
    instruments,
    quantities,
    assetClasses: new Map(valuation.assetClasses.map(({ key, weight }) => [key, weight])),
    cash: valuation.cashWeight,
  };
}

/** Adds to the weight under a name. The first weight is stored without an addition, which would round it. */
export function addWeight(
  weights: Map<string, Decimal>,
  name: string,
  weight: Decimal,
  { add }: Arithmetic,
): void {
  const sum = weights.get(name);
  weights.set(name, sum === undefined ? weight : add(sum, weight));
}
