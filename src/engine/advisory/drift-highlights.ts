import type { DriftHighlightEntry, DriftHighlights, DriftUnmodeledExposure } from "../../contract/drift.ts";
import { compare, isNegative, isPositive, isZero, maximum, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { compareCodePoints } from "../order.ts";
import type { BucketDrift } from "./drift-buckets.ts";

/** The largest improvements and deteriorations, and holdings that are not in the model. */
export function driftHighlights(
  drifts: readonly BucketDrift[],
  limit: number,
  unmodeledThreshold: Decimal,
): DriftHighlights {
  return {
    largest_deteriorations: deteriorations(drifts, limit),
    largest_improvements: improvements(drifts, limit),
    unmodeled_exposures: unmodeledExposures(drifts, limit, unmodeledThreshold),
  };
}

function improvements(drifts: readonly BucketDrift[], limit: number): DriftHighlightEntry[] {
  return drifts
    .filter(({ improvement }) => isPositive(improvement))
    .sort((a, b) => compare(b.improvement, a.improvement) || compareCodePoints(a.bucket, b.bucket))
    .slice(0, limit)
    .map(highlight);
}

function deteriorations(drifts: readonly BucketDrift[], limit: number): DriftHighlightEntry[] {
  return drifts
    .filter(({ improvement }) => isNegative(improvement))
    .sort((a, b) => compare(a.improvement, b.improvement) || compareCodePoints(a.bucket, b.bucket))
    .slice(0, limit)
    .map(highlight);
}

function highlight({ bucket, improvement }: BucketDrift): DriftHighlightEntry {
  return { bucket, improvement: toText(improvement) };
}

/** Buckets without a model weight whose weight before or after reaches the threshold. */
function unmodeledExposures(
  drifts: readonly BucketDrift[],
  limit: number,
  threshold: Decimal,
): DriftUnmodeledExposure[] {
  return drifts
    .filter(({ model }) => isZero(model))
    .map((drift) => ({ drift, largest: maximum(drift.before, drift.after) }))
    .filter(({ largest }) => compare(largest, threshold) >= 0)
    .sort((a, b) => compare(b.largest, a.largest) || compareCodePoints(a.drift.bucket, b.drift.bucket))
    .slice(0, limit)
    .map(({ drift, largest }) => ({
      bucket: drift.bucket,
      max_portfolio_weight: toText(largest),
      portfolio_weight_after: toText(drift.after),
      portfolio_weight_before: toText(drift.before),
    }));
}
