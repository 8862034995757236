import fc from "fast-check";
import { expect, test } from "vitest";
import { createAdmission } from "../../../../src/platform/database/admission.ts";
import { outcomeOf } from "../../../support/faults.ts";

const patient = 10_000;

test("who waits longest is served first", async () => {
  const admission = createAdmission({ slots: 1, queueLimit: 10, queueWaitMs: patient });
  await admission.enter(patient);
  const served: number[] = [];
  const waiting = [1, 2, 3].map(async (turn) => {
    await admission.enter(patient);
    served.push(turn);
    admission.leave();
  });
  admission.leave();
  await Promise.all(waiting);
  expect(served).toEqual([1, 2, 3]);
  expect(admission.inFlight()).toBe(0);
});

test("a slot that is given up goes to who waits, not to who comes that moment", async () => {
  const admission = createAdmission({ slots: 1, queueLimit: 0, queueWaitMs: patient });
  const queued = createAdmission({ slots: 1, queueLimit: 1, queueWaitMs: patient });
  await Promise.all([admission.enter(patient), queued.enter(patient)]);
  const waiting = queued.enter(patient);
  queued.leave();
  const late = outcomeOf(queued.enter(0));
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
      const admission = createAdmission({ ...size, queueWaitMs: patient });
      let leavable = 0;
      const all: Promise<void>[] = [];
      for (const isEntering of steps) {
        if (isEntering) {
          all.push(
            admission.enter(patient).then(
              () => void (leavable += 1),
              () => undefined,
            ),
          );
        } else if (leavable > 0) {
          leavable -= 1;
          admission.leave();
        }
        await Promise.resolve();
        await Promise.resolve();
        expect(admission.inFlight()).toBeLessThanOrEqual(size.slots);
        expect(admission.waiting()).toBeLessThanOrEqual(size.queueLimit);
      }
      while (admission.inFlight() > 0) {
        admission.leave();
        await Promise.resolve();
      }
      await Promise.all(all);
      expect(admission.waiting()).toBe(0);
      await admission.drained();
    }),
  );
});
