import type { DriftAnalysis, DriftBucketDetail, DriftDimensionAnalysis } from "../../contract/drift.ts";
import type { EngineOptions } from "../../contract/options.ts";
import type { ReferenceModel } from "../../contract/proposal.ts";
import type { Arithmetic } from "../../decimal/arithmetic.ts";
import { compare, decimal, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { compareCodePoints } from "../order.ts";
import { bucketDrifts, type BucketDrift } from "./drift-buckets.ts";
import { driftHighlights } from "./drift-highlights.ts";
import type { Exposures } from "./exposures.ts";

const HALF = decimal("0.5");
const CASH = "CASH";

export type DriftInput = {
  readonly arithmetic: Arithmetic;
  readonly model: ReferenceModel;
  readonly options: EngineOptions;
  readonly before: Exposures;
  readonly after: Exposures;
  readonly tradedInstruments: Iterable<string>;
};

/** Distance of a portfolio from its reference model before and after, by asset class and by instrument. */
export function analyzeDrift(input: DriftInput): DriftAnalysis {
  const { arithmetic, model, options } = input;
  const limit = options.drift_top_contributors_limit;
  const byAssetClass = driftByAssetClass(input);
  const byInstrument = driftByInstrument(input);
  return {
    asset_class: dimension(byAssetClass, limit, arithmetic),
    highlights: driftHighlights(
      byInstrument ?? byAssetClass,
      limit,
      options.drift_unmodeled_exposure_threshold,
    ),
    instrument: byInstrument === null ? null : dimension(byInstrument, limit, arithmetic),
    reference_model: { as_of: model.as_of, base_currency: model.base_currency, model_id: model.model_id },
  };
}

function driftByAssetClass({ arithmetic, model, before, after }: DriftInput): BucketDrift[] {
  // The last weight of a repeated target counts.
  const targets = new Map(model.asset_class_targets.map(({ asset_class, weight }) => [asset_class, weight]));
  return bucketDrifts(targets, before.assetClasses, after.assetClasses, [CASH], arithmetic);
}

function driftByInstrument({
  arithmetic,
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
  return bucketDrifts(targets, before.instruments, after.instruments, tradedInstruments, arithmetic);
}

function dimension(
  drifts: readonly BucketDrift[],
  limit: number,
  arithmetic: Arithmetic,
): DriftDimensionAnalysis {
  const { subtract } = arithmetic;
  const totalBefore = halfSum(
    drifts.map((drift) => drift.distanceBefore),
    arithmetic,
  );
  const totalAfter = halfSum(
    drifts.map((drift) => drift.distanceAfter),
    arithmetic,
  );
  return {
    buckets: drifts.map(bucketDetail),
    drift_total_after: toText(totalAfter),
    drift_total_before: toText(totalBefore),
    drift_total_delta: toText(subtract(totalAfter, totalBefore)),
    top_contributors_before: topContributors(drifts, limit).map(bucketDetail),
  };
}

/** Overweights and underweights are equal in sum, so half the sum is the share that differs from the model. */
function halfSum(distances: readonly Decimal[], { multiply, sum }: Arithmetic): Decimal {
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
