import type { DriftAnalysis, DriftBucketDetail, DriftDimensionAnalysis } from "../../contract/drift.ts";
import type { EngineOptions } from "../../contract/options.ts";
import type { ReferenceModel } from "../../contract/proposal.ts";
import { absolute, compare, decimal, multiply, subtract, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { compareCodePoints } from "../order.ts";
import { sum } from "../sum.ts";
import type { Valuation } from "../valuation.ts";
import { driftHighlights } from "./drift-highlights.ts";
import { assetClassWeights, instrumentWeights, type Weights } from "./exposures.ts";

const HALF = decimal("0.5");
const CASH = "CASH";

/** How far one bucket is from its model weight, before and after; every figure is a share of the total. */
export type BucketDrift = {
  readonly bucket: string;
  readonly model: Decimal;
  readonly before: Decimal;
  readonly after: Decimal;
  readonly driftBefore: Decimal;
  readonly driftAfter: Decimal;
  readonly distanceBefore: Decimal;
  readonly distanceAfter: Decimal;
  /** Distance from the model won by the proposal; negative when it leads away. */
  readonly improvement: Decimal;
};

export type DriftInput = {
  readonly model: ReferenceModel;
  readonly options: EngineOptions;
  readonly before: Valuation;
  readonly after: Valuation;
  readonly tradedInstruments: Iterable<string>;
};

/** Distance of a portfolio from its reference model before and after, by asset class and by instrument. */
export function analyzeDrift(input: DriftInput): DriftAnalysis {
  const { model, options } = input;
  const limit = options.drift_top_contributors_limit;
  const byAssetClass = driftByAssetClass(input);
  const byInstrument = driftByInstrument(input);
  return {
    asset_class: dimension(byAssetClass, limit),
    highlights: driftHighlights(
      byInstrument ?? byAssetClass,
      limit,
      options.drift_unmodeled_exposure_threshold,
    ),
    instrument: byInstrument === null ? null : dimension(byInstrument, limit),
    reference_model: { as_of: model.as_of, base_currency: model.base_currency, model_id: model.model_id },
  };
}

function driftByAssetClass({ model, before, after }: DriftInput): BucketDrift[] {
  // The last weight of a repeated target counts.
  const targets = new Map(model.asset_class_targets.map(({ asset_class, weight }) => [asset_class, weight]));
  return bucketDrifts(targets, assetClassWeights(before), assetClassWeights(after), [CASH]);
}

function driftByInstrument({
  model,
  options,
  before,
  after,
  tradedInstruments,
}: DriftInput): BucketDrift[] | null {
  if (!options.enable_instrument_drift || model.instrument_targets.length === 0) return null;
  const targets = new Map(
    model.instrument_targets.map(({ instrument_id, weight }) => [instrument_id, weight]),
  );
  return bucketDrifts(targets, instrumentWeights(before), instrumentWeights(after), tradedInstruments);
}

/** One entry for each name that occurs anywhere, sorted by name. */
function bucketDrifts(
  model: Weights,
  before: Weights,
  after: Weights,
  others: Iterable<string>,
): BucketDrift[] {
  const buckets = new Set([...before.keys(), ...after.keys(), ...model.keys(), ...others]);
  return [...buckets]
    .sort(compareCodePoints)
    .map((bucket) =>
      bucketDrift(bucket, model.get(bucket) ?? ZERO, before.get(bucket) ?? ZERO, after.get(bucket) ?? ZERO),
    );
}

function bucketDrift(bucket: string, model: Decimal, before: Decimal, after: Decimal): BucketDrift {
  const driftBefore = subtract(before, model);
  const driftAfter = subtract(after, model);
  const distanceBefore = absolute(driftBefore);
  const distanceAfter = absolute(driftAfter);
  return {
    bucket,
    model,
    before,
    after,
    driftBefore,
    driftAfter,
    distanceBefore,
    distanceAfter,
    improvement: subtract(distanceBefore, distanceAfter),
  };
}

function dimension(drifts: readonly BucketDrift[], limit: number): DriftDimensionAnalysis {
  const totalBefore = halfSum(drifts.map((drift) => drift.distanceBefore));
  const totalAfter = halfSum(drifts.map((drift) => drift.distanceAfter));
  return {
    buckets: drifts.map(bucketDetail),
    drift_total_after: toText(totalAfter),
    drift_total_before: toText(totalBefore),
    drift_total_delta: toText(subtract(totalAfter, totalBefore)),
    top_contributors_before: topContributors(drifts, limit).map(bucketDetail),
  };
}

/** What one bucket has too much another has too little: half the sum is the share that is misplaced. */
function halfSum(distances: readonly Decimal[]): Decimal {
  return multiply(HALF, sum(distances));
}

function topContributors(drifts: readonly BucketDrift[], limit: number): BucketDrift[] {
  return drifts
    .toSorted((a, b) => compare(b.distanceBefore, a.distanceBefore) || compareCodePoints(a.bucket, b.bucket))
    .slice(0, limit);
}

function bucketDetail(drift: BucketDrift): DriftBucketDetail {
  return {
    abs_drift_after: toText(drift.distanceAfter),
    abs_drift_before: toText(drift.distanceBefore),
    bucket: drift.bucket,
    drift_after: toText(drift.driftAfter),
    drift_before: toText(drift.driftBefore),
    improvement: toText(drift.improvement),
    model_weight: toText(drift.model),
    portfolio_weight_after: toText(drift.after),
    portfolio_weight_before: toText(drift.before),
  };
}
