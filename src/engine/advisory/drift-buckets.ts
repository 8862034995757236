import type { Arithmetic } from "../../decimal/arithmetic.ts";
import { ZERO, type Decimal } from "../../decimal/decimal.ts";
import { compareCodePoints } from "../order.ts";
import type { Weights } from "./exposures.ts";

/** The drift of one bucket from its model weight, before and after. All figures are shares of the total. */
export type BucketDrift = {
  readonly bucket: string;
  readonly model: Decimal;
  readonly before: Decimal;
  readonly after: Decimal;
  readonly driftBefore: Decimal;
  readonly driftAfter: Decimal;
  readonly distanceBefore: Decimal;
  readonly distanceAfter: Decimal;
  /** By how much the proposal reduces the distance from the model; negative when it increases it. */
  readonly improvement: Decimal;
};

/** One entry for each bucket that occurs in any of the arguments, sorted by name. */
export function bucketDrifts(
  model: Weights,
  before: Weights,
  after: Weights,
  others: Iterable<string>,
  arithmetic: Arithmetic,
): BucketDrift[] {
  const buckets = new Set([...before.keys(), ...after.keys(), ...model.keys(), ...others]);
  return [...buckets]
    .sort(compareCodePoints)
    .map((bucket) =>
      bucketDrift(
        bucket,
        model.get(bucket) ?? ZERO,
        before.get(bucket) ?? ZERO,
        after.get(bucket) ?? ZERO,
        arithmetic,
      ),
    );
}

function bucketDrift(
  bucket: string,
  model: Decimal,
  before: Decimal,
  after: Decimal,
  { absolute, subtract }: Arithmetic,
): BucketDrift {
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
