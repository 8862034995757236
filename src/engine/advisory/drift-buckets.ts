import { absolute, subtract, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { compareCodePoints } from "../order.ts";
import type { Weights } from "./exposures.ts";

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

/** One entry for each name that occurs anywhere, sorted by name. */
export function bucketDrifts(
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
