import fc from "fast-check";
import { expect, test } from "vitest";
import { createAdmission } from "../../../../src/platform/database/admission.ts";
import { outcomeOf } from "../../../support/faults.ts";

const patient = { budgetMs: 10_000, tenantId: "a" };
const hasty = { budgetMs: 0, tenantId: "a" };
const queueWaitMs = 10_000;

test("who waits longest is served first", async () => {
  const admission = createAdmission({ slots: 1, queueLimit: 10, queueWaitMs });
  const leave = await admission.enter(patient);
  const served: number[] = [];
  const waiting = [1, 2, 3].map(async (turn) => {
    const leaveNow = await admission.enter(patient);
    served.push(turn);
    leaveNow();
  });
  leave();
  await Promise.all(waiting);
  expect(served).toEqual([1, 2, 3]);
  expect(admission.inFlight()).toBe(0);
});

test("a slot that is given up goes to who waits, not to who comes that moment", async () => {
  const admission = createAdmission({ slots: 1, queueLimit: 0, queueWaitMs });
  const queued = createAdmission({ slots: 1, queueLimit: 1, queueWaitMs });
  const [, leave] = await Promise.all([admission.enter(patient), queued.enter(patient)]);
  const waiting = queued.enter(patient);
  leave();
  const late = outcomeOf(queued.enter(hasty));
  expect(await outcomeOf(waiting)).toBe("done");
  expect(await late).toBe("deadline_exceeded");
  expect(await outcomeOf(admission.enter(patient))).toBe("overloaded");
});

test("never more under way than slots nor more waiting than the queue holds, and no slot is lost", async () => {
  const limits = fc.record({
    slots: fc.integer({ min: 1, max: 4 }),
    queueLimit: fc.integer({ min: 0, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(limits, fc.array(fc.boolean(), { maxLength: 60 }), async (size, steps) => {
      const admission = createAdmission({ ...size, queueWaitMs });
      const leavable: (() => void)[] = [];
      const all: Promise<unknown>[] = [];
      for (const isEntering of steps) {
        if (isEntering) {
          all.push(
            admission.enter(patient).then(
              (leave) => leavable.push(leave),
              () => undefined,
            ),
          );
        } else {
          leavable.shift()?.();
        }
        await Promise.resolve();
        await Promise.resolve();
        expect(admission.inFlight()).toBeLessThanOrEqual(size.slots);
        expect(admission.waiting()).toBeLessThanOrEqual(size.queueLimit);
      }
      while (admission.inFlight() > 0) {
        leavable.shift()?.();
        await Promise.resolve();
      }
      await Promise.all(all);
      expect(admission.waiting()).toBe(0);
      await admission.drained();
    }),
  );
});

test("while others wait, one tenant gets no more than half of the slots", async () => {
  const admission = createAdmission({ slots: 4, queueLimit: 100, queueWaitMs });
  const leaving = await Promise.all(Array.from({ length: 4 }, () => admission.enter(patient)));
  const served: string[] = [];
  const enter = (tenantId: string) =>
    admission.enter({ ...patient, tenantId }).then((leave) => {
      served.push(tenantId);
      return leave;
    });
  const waiting = ["a", "a", "a", "a", "b", "b", "b"].map(enter);
  for (const leave of leaving) {
    leave();
    await Promise.resolve();
  }
  await Promise.all(waiting.slice(0, 2));
  expect(served.toSorted()).toEqual(["a", "a", "b", "b"]);
  expect(served.slice(0, 2)).toEqual(["b", "b"]);
});

test("a tenant alone gets every slot", async () => {
  const admission = createAdmission({ slots: 4, queueLimit: 0, queueWaitMs });
  await Promise.all(Array.from({ length: 4 }, () => admission.enter(patient)));
  expect(admission.inFlight()).toBe(4);
});

test("a queue that one tenant filled still has places for another", async () => {
  const admission = createAdmission({ slots: 1, queueLimit: 4, queueWaitMs });
  const leave = await admission.enter(patient);
  const crowd = Array.from({ length: 4 }, () => outcomeOf(admission.enter(patient)));
  const other = outcomeOf(admission.enter({ ...patient, tenantId: "b" }));
  expect(await crowd[3]).toBe("overloaded");
  expect(await outcomeOf(admission.enter(patient))).toBe("overloaded");
  expect(admission.waiting()).toBe(4);
  leave();
  expect(await crowd[0]).toBe("done");
  await expect(Promise.race([other, Promise.resolve("waits")])).resolves.toBe("waits");
});

test("who is given up leaves the queue at once", async () => {
  const admission = createAdmission({ slots: 1, queueLimit: 4, queueWaitMs });
  await admission.enter(patient);
  const caller = new AbortController();
  const given = outcomeOf(admission.enter({ ...patient, signal: caller.signal }));
  caller.abort();
  expect(await given).toBe("deadline_exceeded");
  expect(admission.waiting()).toBe(0);
  expect(await outcomeOf(admission.enter({ ...patient, signal: caller.signal }))).toBe("deadline_exceeded");
});
