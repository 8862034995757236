import { expect, test } from "vitest";
import { createServerClock } from "../../../../src/platform/database/server-clock.ts";

const SERVER = Date.parse("2026-03-01T09:30:00.000Z");

/** A clock over a monotonic time that the test moves. */
function clockAt(startMs: number) {
  const time = { ms: startMs };
  const clock = createServerClock(() => time.ms);
  const nowMs = () => clock.now().getTime();
  return { clock, time, nowMs };
}

test("tells the server's time as it goes on, whatever the wall clock of the machine says", () => {
  const { clock, time, nowMs } = clockAt(5_000);
  clock.observe(SERVER, 5_000, 5_000);
  expect(clock.now().toISOString()).toBe("2026-03-01T09:30:00.000Z");
  time.ms += 90_000;
  expect(nowMs()).toBe(SERVER + 90_000);
});

test("is off by no more than half of the quickest round trip, however slow the others were", () => {
  const { clock, time, nowMs } = clockAt(0);
  // The server read its clock 1 ms after the statement was sent; the replies took 8 s, 2 ms and 500 ms.
  clock.observe(SERVER + 1, 0, 8_000);
  clock.observe(SERVER + 8_101, 8_100, 8_102);
  clock.observe(SERVER + 8_201, 8_200, 8_700);
  time.ms = 9_000;
  expect(Math.abs(nowMs() - (SERVER + 9_000))).toBeLessThanOrEqual(1);
});

test("follows a server whose clock was set, forward or back, from the next observation on", () => {
  const { clock, time, nowMs } = clockAt(1_000);
  clock.observe(SERVER, 999, 1_000);
  expect(nowMs()).toBe(SERVER);
  for (const step of [3_600_000, -3_600_000, -20]) {
    clock.observe(SERVER + step, 999, 1_000);
    expect(nowMs()).toBe(SERVER + step);
  }
  time.ms += 10;
  expect(nowMs()).toBe(SERVER - 10);
});

test("follows a server whose clock runs faster than this machine's", () => {
  const { clock, time, nowMs } = clockAt(0);
  for (let second = 0; second <= 3_600; second += 1) {
    time.ms = second * 1_000;
    clock.observe(SERVER + second * 1_000.4, time.ms, time.ms + 0.2);
  }
  expect(Math.abs(nowMs() - (SERVER + 3_600 * 1_000.4))).toBeLessThanOrEqual(2);
});

test("does not run backwards when it becomes better known", () => {
  const { clock, nowMs } = clockAt(1_000);
  clock.observe(SERVER, 900, 1_000);
  const before = nowMs();
  clock.observe(SERVER + 1, 990, 1_000);
  expect(nowMs()).toBe(before);
});

test("is the machine's own time before the server was heard", () => {
  const { nowMs } = clockAt(0);
  expect(Math.abs(nowMs() - Date.now())).toBeLessThan(60_000);
});
