import { expect, test } from "vitest";
import { createKeyedQueue } from "../../../src/platform/keyed-queue.ts";
import { gate } from "../../support/faults.ts";

const PATIENT = { ms: 10_000, signal: undefined };

test("work of one name runs one after the other, in the order of arrival; work of another beside it", async () => {
  const queue = createKeyedQueue();
  const first = gate();
  const ran: string[] = [];
  const work = (name: string, until: Promise<unknown> = Promise.resolve()) =>
    queue.run(name.slice(0, 1), PATIENT, async () => {
      ran.push(name);
      await until;
    });
  const all = [work("a1", first.opened), work("a2"), work("a3"), work("b1")];
  await all[3];
  expect(ran).toEqual(["a1", "b1"]);
  first.open();
  await Promise.all(all);
  expect(ran).toEqual(["a1", "b1", "a2", "a3"]);
});

test("work that fails makes way, and so does work whose turn came too late, without being done", async () => {
  const queue = createKeyedQueue();
  const first = gate();
  const ran: string[] = [];
  const failing = queue.run("a", PATIENT, async () => {
    await first.opened;
    throw new Error("it fails");
  });
  const late = queue.run("a", { ...PATIENT, ms: 5 }, () => Promise.resolve(ran.push("late")));
  const last = queue.run("a", PATIENT, () => Promise.resolve(ran.push("last")));
  await expect(late).rejects.toThrow("no reply within");
  expect(ran).toEqual([]);
  first.open();
  await expect(failing).rejects.toThrow("it fails");
  await last;
  expect(ran).toEqual(["last"]);
});
