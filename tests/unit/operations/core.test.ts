import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isBeyondLastAttempt,
  isExecutable,
  MOST_ATTEMPTS,
  pauseAfter,
  renewalPauseMs,
  leaseStateOf,
} from "../../../src/features/operations/core.ts";

const attempt = fc.integer({ min: 1, max: MOST_ATTEMPTS - 1 });
const random = fc.double({ min: 0, max: 1, noNaN: true });

describe("the pause before another attempt", () => {
  it("doubles from half a second to a second, to four to eight seconds after the fourth", () => {
    expect([1, 2, 3, 4].map((n) => pauseAfter(n, 0))).toEqual([500, 1_000, 2_000, 4_000]);
    expect([1, 2, 3, 4].map((n) => pauseAfter(n, 1))).toEqual([1_000, 2_000, 4_000, 8_000]);
  });

  it("is spread between half and whole of its length", () => {
    fc.assert(
      fc.property(attempt, random, (n, r) => {
        const [least, pause, most] = [pauseAfter(n, 0), pauseAfter(n, r), pauseAfter(n, 1)];
        return least !== null && pause !== null && most !== null && least <= pause && pause <= most;
      }),
    );
  });

  it("is none after the fifth attempt: that was the last", () => {
    expect(pauseAfter(5, 0.5)).toBeNull();
    expect(pauseAfter(6, 0.5)).toBeNull();
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

  it.each(["SUCCEEDED" as const, "FAILED" as const])("is ended once its own attempt has %s", (status) => {
    expect(leaseStateOf({ status, lease_owner: "worker-a", attempt: 2 }, lease)).toBe("ended");
  });

  it("is renewed so early that two renewals may fail before it runs out", () => {
    fc.assert(fc.property(fc.integer({ min: 3, max: 10 ** 9 }), (ms) => 3 * renewalPauseMs(ms) <= ms));
  });

  it("beyond the fifth attempt is there to end the operation, not to try it", () => {
    expect(isBeyondLastAttempt({ lease_owner: "w", attempt: 5 })).toBe(false);
    expect(isBeyondLastAttempt({ lease_owner: "w", attempt: 6 })).toBe(true);
  });
});

describe("an operation", () => {
  it("can be executed by hand only while it is pending, and where that is switched on", () => {
    expect(isExecutable("PENDING", true)).toBe(true);
    expect(isExecutable("PENDING", false)).toBe(false);
    for (const status of ["RUNNING", "SUCCEEDED", "FAILED"] as const) {
      expect(isExecutable(status, true)).toBe(false);
    }
  });
});
