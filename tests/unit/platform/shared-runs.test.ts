import { expect, test } from "vitest";
import type { Deadline } from "../../../src/platform/deadline.ts";
import { createSharedRuns } from "../../../src/platform/shared-runs.ts";
import { TimeLimitError } from "../../../src/platform/time-limit.ts";
import { gate } from "../../support/faults.ts";

/** Work that goes on until it is let go or ended, and counts how often it was begun. */
function work() {
  const released = gate();
  const deadlines: Deadline[] = [];
  const run = (deadline: Deadline): Promise<number> => {
    const started = deadlines.push(deadline);
    return new Promise((resolve, reject) => {
      deadline.signal.addEventListener("abort", () => reject(new Error("it was ended")));
      void released.opened.then(() => resolve(started));
    });
  };
  return { run, deadlines, release: released.open };
}

const PATIENT = undefined;
const LIMIT_MS = 60_000;

test("who asks for what is under way gets the same; another name, and who comes later, gets a run of its own", async () => {
  const runs = createSharedRuns<number>(LIMIT_MS);
  const { run, release } = work();
  const asked = ["a", "a", "b"].map((name) => runs.join(name, PATIENT, run));
  release();
  expect(await Promise.all(asked)).toEqual([1, 1, 2]);
  expect(await runs.join("a", PATIENT, run)).toBe(3);
});

test("one who leaves does not end it for the others", async () => {
  const runs = createSharedRuns<number>(LIMIT_MS);
  const { run, deadlines, release } = work();
  const first = new AbortController();
  const left = runs.join("a", first.signal, run);
  const others = [runs.join("a", PATIENT, run), runs.join("a", PATIENT, run)];
  first.abort();
  await expect(left).rejects.toThrow(TimeLimitError);
  expect(deadlines[0]?.signal.aborted).toBe(false);
  release();
  expect(await Promise.all(others)).toEqual([1, 1]);
});

test("the last who leaves ends it, waits for its end, and hands it to nobody else", async () => {
  const runs = createSharedRuns<number>(LIMIT_MS);
  const { run, deadlines, release } = work();
  const both = [new AbortController(), new AbortController()] as const;
  const [first, second] = both.map(({ signal }) => runs.join("a", signal, run));
  for (const controller of both) controller.abort();
  await expect(first).rejects.toThrow(TimeLimitError);
  await expect(second).rejects.toThrow("it was ended");
  expect(deadlines[0]?.signal.aborted).toBe(true);
  const next = runs.join("a", PATIENT, run);
  release();
  expect(await next).toBe(2);
});

test("at its own deadline it ends for all, although others came later; who comes then starts anew", async () => {
  const runs = createSharedRuns<number>(20);
  const { run, deadlines, release } = work();
  const both = [runs.join("a", PATIENT, run), runs.join("a", PATIENT, run)];
  for (const { status } of await Promise.allSettled(both)) expect(status).toBe("rejected");
  expect(deadlines[0]?.signal.aborted).toBe(true);
  release();
  expect(await runs.join("a", PATIENT, run)).toBe(2);
});

test("a failure is that of all who wait, and is not kept", async () => {
  const runs = createSharedRuns<number>(LIMIT_MS);
  let calls = 0;
  const failing = () => Promise.reject(new Error(`failure ${String((calls += 1))}`));
  const both = [runs.join("a", PATIENT, failing), runs.join("a", PATIENT, failing)];
  for (const failed of both) await expect(failed).rejects.toThrow("failure 1");
  await expect(runs.join("a", PATIENT, failing)).rejects.toThrow("failure 2");
});
