import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { TimeLimitError, within } from "../../../src/platform/time-limit.ts";

const never = new Promise<never>(() => undefined);

test("work that ends in time is what it comes to, a result or a failure", async () => {
  const failure = new Error("it fails");
  expect(await within({ ms: 10_000 }, Promise.resolve(1))).toBe(1);
  await expect(within({ ms: 10_000 }, Promise.reject(failure))).rejects.toBe(failure);
  expect(await within({}, Promise.resolve(2))).toBe(2);
});

test("work that takes longer, or is given up, is a TimeLimitError", async () => {
  const caller = new AbortController();
  const given = within({ ms: 10_000, signal: caller.signal }, never);
  caller.abort();
  await expect(given).rejects.toThrow(TimeLimitError);
  await expect(within({ ms: 5 }, never)).rejects.toThrow("no reply within 5 ms");
});

test("where it was given up already, only work that is done counts", async () => {
  const signal = AbortSignal.abort();
  await expect(within({ signal }, never)).rejects.toThrow(TimeLimitError);
  expect(await within({ signal }, Promise.resolve(1))).toBe(1);
});

test("nothing of it stays on a signal that lives longer", async () => {
  const { signal } = new AbortController();
  await within({ ms: 10_000, signal }, Promise.resolve(1));
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});
