import { expect, test } from "vitest";
import { createWriteHealth } from "../../../../src/platform/database/write-health.ts";

test("tells the last failure of the server, until a write is committed", () => {
  const health = createWriteHealth(() => 0);
  expect(health.fault()).toBeNull();
  health.failed("disk_full");
  health.failed("lock_timeout");
  expect(health.fault()).toBe("disk_full");
  health.committed();
  expect(health.fault()).toBeNull();
});

test("forgets it after ten seconds: whoever is not ready gets no writes to find out by", () => {
  let now = 0;
  const health = createWriteHealth(() => now);
  health.failed("out_of_memory");
  now = 9_999;
  expect(health.fault()).toBe("out_of_memory");
  now = 10_000;
  expect(health.fault()).toBeNull();
});

test.each(["unique_violation", "deadline_exceeded", "overloaded", "rejected", "lock_timeout"] as const)(
  "%s says nothing of the server",
  (kind) => {
    const health = createWriteHealth();
    health.failed(kind);
    expect(health.fault()).toBeNull();
  },
);
