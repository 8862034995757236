import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { parseServerAddress } from "../../src/platform/database/address.ts";
import { listenTo, type Listener } from "../../src/platform/database/listener.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { hasText } from "../support/protocol.ts";
import { withSession } from "../support/session.ts";
import { openProxy, type TcpProxy } from "../support/tcp-proxy.ts";

/** Far longer than any of these tests takes: where it counts, nothing but `stop` ends the wait. */
const ENDLESS_MS = 100_000;

let server: TestDatabase;
let proxy: TcpProxy;
let heard: number;
let errors: string[];

beforeAll(async () => {
  server = await testDatabase();
});
afterAll(async () => {
  await server.drop();
});
beforeEach(async () => {
  proxy = await openProxy(server.url);
  heard = 0;
  errors = [];
});
afterEach(async () => {
  await proxy.close();
});

function listen(connectTimeoutMs: number): Listener {
  return listenTo({
    connection: {
      server: parseServerAddress(proxy.url(server.url)),
      role: "ballast_service",
      applicationName: "listener",
      statementTimeoutMs: 10_000,
      lockTimeoutMs: 5_000,
      idleInTransactionTimeoutMs: 10_000,
    },
    channel: "news",
    connectTimeoutMs,
    onNotify: () => {
      heard += 1;
    },
    onError: (error) => void errors.push(error instanceof Error ? error.message : String(error)),
  });
}

/** Whether `stop` came back within a time in which nothing has to be waited for. */
async function stopsWithin(listener: Listener, ms: number): Promise<boolean> {
  return Promise.race([listener.stop().then(() => true), delay(ms, false)]);
}

async function notify(): Promise<void> {
  await withSession(server.adminUrl, (session) => session.query("notify news"));
}

/** The proxy falls silent at the first message that `isMeant`; resolves when it has. */
function stallAt(isMeant: (text: string) => boolean, connection = 1): Promise<void> {
  return new Promise((resolve) => {
    proxy.judge = (direction, message, number) => {
      const isHere =
        direction === "to server" &&
        number === connection &&
        isMeant(hasText(message, "listen") ? "listen" : message.type);
      if (!isHere) return "pass";
      resolve();
      return "stall";
    };
  });
}

test("a LISTEN that is never answered ends by the connect timeout, and a new connection listens", async () => {
  void stallAt((text) => text === "listen");
  const listener = listen(300);
  await vi.waitFor(() => expect(heard).toBe(1), { timeout: 5_000 });
  expect(errors).toEqual(["no reply within 300 ms"]);
  expect(proxy.opened()).toBe(2);
  await notify();
  await vi.waitFor(() => expect(heard).toBe(2), { timeout: 5_000 });
  expect(await stopsWithin(listener, 2_000)).toBe(true);
});

test.each(["startup", "listen"])("stop ends a connect at once that hangs at %s", async (text) => {
  const stalled = stallAt((seen) => seen === text);
  const listener = listen(ENDLESS_MS);
  await stalled;
  expect(await stopsWithin(listener, 500)).toBe(true);
  await notify();
  await delay(200);
  expect({ heard, errors, opened: proxy.opened() }).toEqual({ heard: 0, errors: [], opened: 1 });
});

test("stop ends a reconnect at once that hangs", async () => {
  const stalled = stallAt((text) => text === "listen", 2);
  const listener = listen(ENDLESS_MS);
  await vi.waitFor(() => expect(heard).toBe(1), { timeout: 5_000 });
  await withSession(server.adminUrl, (session) =>
    session.query(`select pg_terminate_backend(pid) from pg_stat_activity
                    where application_name = 'listener' and datname = current_database()`),
  );
  await stalled;
  expect(await stopsWithin(listener, 500)).toBe(true);
  expect({ heard, errors, opened: proxy.opened() }).toEqual({ heard: 1, errors: [], opened: 2 });
});

test("a listener stops although its connection has become half open", async () => {
  const listener = listen(5_000);
  await vi.waitFor(() => expect(heard).toBe(1), { timeout: 5_000 });
  proxy.stallAll();
  expect(await stopsWithin(listener, 3_000)).toBe(true);
});

test("a listener that is stopped while it connects neither listens nor notifies", async () => {
  for (const waitMs of [undefined, 0, 1, 2, 4, 8, 16]) {
    const listener = listen(5_000);
    if (waitMs !== undefined) await delay(waitMs);
    await listener.stop();
    const before = heard;
    await notify();
    await delay(50);
    expect(heard).toBe(before);
  }
  expect(errors).toEqual([]);
  await vi.waitFor(async () => expect(await listening()).toBe(0), { timeout: 5_000 });
});

/** Sessions of listeners that the server has. */
async function listening(): Promise<number | null> {
  const { rowCount } = await withSession(server.adminUrl, (session) =>
    session.query(`select from pg_stat_activity
                    where application_name = 'listener' and datname = current_database()`),
  );
  return rowCount;
}
