import net from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { parseServerAddress } from "../../src/platform/database/address.ts";
import { closeDatabase, databaseUse, type Database } from "../../src/platform/database/database.ts";
import { listenTo } from "../../src/platform/database/listener.ts";
import { migrate } from "../../src/platform/database/migrate.ts";
import { inTransaction, type Tx } from "../../src/platform/database/transaction.ts";
import { openTestDatabase } from "../support/databases.ts";
import { gate, outcomeOf } from "../support/faults.ts";
import { startReplicatedServers, type ReplicatedServers } from "../support/replica.ts";
import { withSession } from "../support/session.ts";
import { storeRun } from "../support/stored-run.ts";

let servers: ReplicatedServers;
const opened: Database[] = [];

beforeAll(async () => {
  servers = await startReplicatedServers();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => closeDatabase(database, 0)));
});
afterAll(async () => {
  await servers.stop();
});

function open(url: string, limits: Parameters<typeof openTestDatabase>[1] = {}): Database {
  const database = openTestDatabase(url, limits);
  opened.push(database);
  return database;
}

const READ = { tenantId: null, readOnly: true };
const ports = () => ({
  [new URL(servers.primaryUrl).port]: "primary",
  [new URL(servers.replicaUrl).port]: "replica",
});

async function serverOf(tx: Tx): Promise<string | undefined> {
  const [row] = await tx<{ port: number }>`select inet_server_port() as port`;
  return ports()[String(row?.port)];
}

const reached = (url: string) => inTransaction(open(url), READ, serverOf);

test.each([
  [["primary", "replica"], "read-write", "primary"],
  [["replica", "primary"], "read-write", "primary"],
  [["replica", "primary"], "primary", "primary"],
  [["primary", "replica"], "standby", "replica"],
  [["primary", "replica"], "read-only", "replica"],
  [["replica", "primary"], "any", "replica"],
  [["primary", "replica"], "any", "primary"],
] as const)("of %j, %s is the %s", async (hosts, target, expected) => {
  expect(await reached(servers.urlOfBoth(hosts, target))).toBe(expected);
});

/** In front of the hosts of an address, one more. */
const withFirst = (host: string, url: string) => url.replace("@", `@${host},`);

test("a host that is not there, or takes the connection and never answers, is passed over", async () => {
  const silent = net.createServer((socket) => socket.on("error", () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as net.AddressInfo;
  const url = servers.urlOfBoth(["primary"], "read-write");
  expect(await reached(withFirst("127.0.0.1:1", url))).toBe("primary");
  const database = open(withFirst(`127.0.0.1:${String(port)}`, url), { connectTimeoutMs: 1_000 });
  const startedAt = performance.now();
  expect(await inTransaction(database, READ, serverOf)).toBe("primary");
  // Half of the time to connect is the first one's.
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  silent.close();
});

test("where no server takes writes, the reason names each", async () => {
  const replica = servers.urlOfBoth(["replica"], "read-write");
  const alone = inTransaction(open(replica), { tenantId: null }, serverOf);
  expect(await outcomeOf(alone)).toBe("read_only");
  const two = inTransaction(open(withFirst("127.0.0.1:1", replica)), { tenantId: null }, serverOf);
  await expect(two).rejects.toMatchObject({
    fault: { kind: "read_only", sqlState: null },
    message: expect.stringMatching(
      /^no connection to the database: 127\.0\.0\.1:1: .*ECONNREFUSED.*; 127\.0\.0\.1:\d+: the server is not read-write$/,
    ) as string,
  });
});

test("migrations are applied to the server that takes writes, whichever it is and whatever is asked for", async () => {
  const { primary, replica } = servers.adminUrls;
  const both = withFirst(new URL(replica).host, primary);
  expect(await migrate({ url: both })).toEqual([]);
  expect(await migrate({ url: withFirst("127.0.0.1:1", both) })).toEqual([]);
  await expect(migrate({ url: replica })).rejects.toThrow(/^127\.0\.0\.1:\d+ takes no writes$/);
});

test("who listens, listens to the server that takes writes", async () => {
  let heard = 0;
  const listener = listenTo({
    connection: {
      ...open(servers.primaryUrl).pool.options.connection,
      server: parseServerAddress(servers.urlOfBoth(["replica", "primary"], "read-write")),
    },
    channel: "news",
    connectTimeoutMs: 5_000,
    onNotify: () => {
      heard += 1;
    },
    onError: () => undefined,
  });
  await vi.waitUntil(() => heard === 1);
  await withSession(servers.adminUrls.primary, (session) => session.query("notify news"));
  await vi.waitUntil(() => heard === 2);
  await listener.stop();
});

/** Whether the sessions that are open already are told is another matter: that takes a moment more. */
async function setPrimaryReadOnly(value: "on" | "off"): Promise<void> {
  await withSession(servers.adminUrls.primary, async (session) => {
    await session.query(`alter system set default_transaction_read_only = ${value}`);
    await session.query("select pg_reload_conf()");
  });
  const url = servers.urlOfBoth(["primary", "replica"], "read-write");
  await vi.waitUntil(async () => (await reached(url)) === (value === "on" ? "replica" : "primary"));
}

/** A read that has a connection until it is told to end. */
async function holdRead(database: Database) {
  const begun = gate();
  const end = gate();
  const server = inTransaction(database, READ, async (tx) => {
    const found = await serverOf(tx);
    begun.open();
    await end.opened;
    return found;
  });
  await begun.opened;
  return {
    end: () => {
      end.open();
      return server;
    },
  };
}

const readsAtOnce = (database: Database) =>
  Promise.all(Array.from({ length: 3 }, () => inTransaction(database, READ, serverOf)));

describe("a primary that another server has taken the place of", () => {
  const both = () => servers.urlOfBoth(["primary", "replica"], "read-write");

  beforeAll(async () => {
    await servers.catchUp();
    await servers.promoteReplica();
  });
  beforeEach(async () => {
    await setPrimaryReadOnly("off");
  });

  test("is left as soon as it takes no writes, with the connections that others are working on", async () => {
    const database = open(both(), { max: 2 });
    const held = await holdRead(database);
    expect(await inTransaction(database, READ, serverOf)).toBe("primary");
    await setPrimaryReadOnly("on");
    // There is one connection left to write with: that to the primary.
    await vi.waitUntil(() => inTransaction(database, READ, isReadOnly), { timeout: 5_000 });
    await storeRun(database, { key: null, status: "READY" });
    expect(await held.end()).toBe("primary");
    expect(await readsAtOnce(database)).toEqual(["replica", "replica", "replica"]);
    expect(databaseUse(database).open).toBeLessThanOrEqual(2);
  });

  test("is left as soon as a new connection had to go to the other one, before anybody writes", async () => {
    // As many connections as there are reads at once, so that what is held is used again where it may be.
    const database = open(both(), { max: 3 });
    const held = [await holdRead(database), await holdRead(database)];
    await setPrimaryReadOnly("on");
    expect(await inTransaction(database, READ, serverOf)).toBe("replica");
    expect(await Promise.all(held.map(({ end }) => end()))).toEqual(["primary", "primary"]);
    expect(await readsAtOnce(database)).toEqual(["replica", "replica", "replica"]);
  });
});

async function isReadOnly(tx: Tx): Promise<boolean> {
  const [row] = await tx<{ value: string }>`select current_setting('default_transaction_read_only') as value`;
  return row?.value === "on";
}
