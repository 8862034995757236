import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cancellationOf, isExecutable, isRetryable } from "../../../src/features/operations/core.ts";
import { OperationStatus } from "../../../src/features/operations/schemas.ts";
import {
  isBeyondTrying,
  leaseStateOf,
  pauseAfter,
  pauseBeforeNext,
  renewalPauseMs,
} from "../../../src/platform/leases/lease.ts";

const failures = fc.integer({ min: 1, max: 1_000 });
const random = fc.double({ min: 0, max: 1, noNaN: true });
const HOUR_MS = 3_600_000;

describe("the pause before another attempt", () => {
  it("doubles from half a second to a second, up to two and a half to five minutes", () => {
    expect([1, 2, 3, 4].map((n) => pauseAfter(n, 0))).toEqual([500, 1_000, 2_000, 4_000]);
    expect([1, 2, 3, 4].map((n) => pauseAfter(n, 1))).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect([9, 10, 500].map((n) => pauseAfter(n, 0))).toEqual([128_000, 150_000, 150_000]);
    expect([9, 10, 500].map((n) => pauseAfter(n, 1))).toEqual([256_000, 300_000, 300_000]);
  });

  it("is spread between half and whole of its length, and never shrinks", () => {
    fc.assert(
      fc.property(failures, random, (n, r) => {
        const pause = pauseAfter(n, r);
        return pauseAfter(n, 0) <= pause && pause <= pauseAfter(n, 1) && pause <= pauseAfter(n + 1, r);
      }),
    );
  });

  it("is there however often it has failed, until the time for failures is over", () => {
    const after = (failed_attempts: number, failing_for_ms: number) =>
      pauseBeforeNext({ failed_attempts, failing_for_ms }, HOUR_MS, 0);
    expect(after(0, 0)).toBe(500);
    expect(after(400, HOUR_MS - 1)).toBe(150_000);
    expect(after(1, HOUR_MS)).toBeNull();
  });
});

describe("a lease", () => {
  const lease = { lease_owner: "worker-a", attempt: 2 };

  it("is held while the operation runs under the same owner and attempt", () => {
    expect(leaseStateOf({ status: "RUNNING", lease_owner: "worker-a", attempt: 2 }, lease)).toBe("held");
  });

  it.each([
    { status: "RUNNING" as const, lease_owner: "worker-b", attempt: 3 },
    { status: "RUNNING" as const, lease_owner: "worker-a", attempt: 3 },
    { status: "RUNNING" as const, lease_owner: "worker-b", attempt: 2 },
    { status: "PENDING" as const, lease_owner: "", attempt: 2 },
    { status: "SUCCEEDED" as const, lease_owner: "worker-b", attempt: 3 },
  ])("is lost once the operation is $status under $lease_owner, attempt $attempt", (row) => {
    expect(leaseStateOf(row, lease)).toBe("lost");
  });

  it.each(["SUCCEEDED" as const, "FAILED" as const, "CANCELLED" as const])(
    "is ended once its own attempt has %s",
    (status) => {
      expect(leaseStateOf({ status, lease_owner: "worker-a", attempt: 2 }, lease)).toBe("ended");
    },
  );

  it("is renewed so early that two renewals may fail before it runs out", () => {
    fc.assert(fc.property(fc.integer({ min: 3, max: 10 ** 9 }), (ms) => 3 * renewalPauseMs(ms) <= ms));
  });
});

describe("an operation", () => {
  it("can be executed by hand only while it is pending, and where that is switched on", () => {
    expect(isExecutable("PENDING", true)).toBe(true);
    expect(isExecutable("PENDING", false)).toBe(false);
    for (const status of ["RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const) {
      expect(isExecutable(status, true)).toBe(false);
    }
  });

  it("is not tried a sixth time once five workers in a row vanished under it", () => {
    expect(isBeyondTrying({ lost_attempts: 4 })).toBe(false);
    expect(isBeyondTrying({ lost_attempts: 5 })).toBe(true);
  });

  it("can be retried only once it has failed", () => {
    const retryable = OperationStatus.options.filter(isRetryable);
    expect(retryable).toEqual(["FAILED"]);
  });

  it("can be cancelled only while it is not finished: at once where nobody is at work on it", () => {
    const how = (is_lease_over: boolean) =>
      OperationStatus.options.map((status) => [status, cancellationOf({ status, is_lease_over })]);
    const finished = [
      ["SUCCEEDED", "refused"],
      ["FAILED", "refused"],
      ["CANCELLED", "refused"],
    ];
    expect(how(false)).toEqual([["PENDING", "at_once"], ["RUNNING", "by_worker"], ...finished]);
    expect(how(true)).toEqual([["PENDING", "at_once"], ["RUNNING", "at_once"], ...finished]);
  });
});
