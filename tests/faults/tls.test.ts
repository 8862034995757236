import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeDatabase, databaseUse } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import type { TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { outcomeOf } from "../support/faults.ts";
import { killBackends, legsOf, ledgerDatabase, newAccount, pay, TENANT } from "../support/ledger.ts";

/** Self-signed, for the name localhost. */
const CERTIFICATE = fileURLToPath(new URL("../fixtures/tls/localhost.crt", import.meta.url));
const KEY = fileURLToPath(new URL("../fixtures/tls/localhost.key", import.meta.url));

let server: TestDatabase;
let front: Front;
beforeAll(async () => {
  server = await ledgerDatabase();
  front = await openTlsFront(server.url);
});
afterAll(async () => {
  await front.close();
  await server.drop();
});

type Front = {
  readonly url: (host: string, parameters: string) => string;
  readonly cutAll: () => void;
  readonly stallAll: () => void;
  readonly close: () => Promise<void>;
};

/** Speaks TLS in front of a server that need not: answers SSLRequest with S and passes on what it deciphers. */
async function openTlsFront(serverUrl: string): Promise<Front> {
  const target = new URL(serverUrl);
  const links = new Set<{ readonly secured: tls.TLSSocket; readonly upstream: net.Socket }>();
  const listener = net.createServer((raw) => {
    raw.on("error", () => undefined);
    raw.once("data", () => {
      raw.write("S");
      const secured = new tls.TLSSocket(raw, {
        isServer: true,
        key: readFileSync(KEY),
        cert: readFileSync(CERTIFICATE),
      });
      const upstream = net.connect(Number(target.port), target.hostname);
      for (const socket of [secured, upstream]) socket.on("error", () => undefined);
      secured.pipe(upstream).pipe(secured);
      secured.on("close", () => upstream.destroy());
      links.add({ secured, upstream });
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address() as net.AddressInfo;
  return {
    url: (host, parameters) => {
      const url = new URL(serverUrl);
      url.host = `${host}:${String(address.port)}`;
      url.search = parameters;
      return url.href;
    },
    cutAll: () => {
      for (const { secured } of links) secured.destroy();
    },
    stallAll: () => {
      for (const { secured, upstream } of links) {
        secured.unpipe(upstream);
        upstream.unpipe(secured);
      }
    },
    close: async () => {
      for (const { secured } of links) secured.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

async function connectOutcome(url: string): Promise<string> {
  const database = openTestDatabase(url, { max: 1, deadlineMs: 2_000 });
  const outcome = await outcomeOf(inTransaction(database, { tenantId: TENANT }, (tx) => tx`select 1`));
  await closeDatabase(database);
  return outcome;
}

test.each([
  ["localhost", "sslmode=require", "done"],
  ["localhost", `sslmode=verify-full&sslrootcert=${CERTIFICATE}`, "done"],
  ["127.0.0.1", `sslmode=verify-ca&sslrootcert=${CERTIFICATE}`, "done"],
  ["127.0.0.1", `sslmode=require&sslrootcert=${CERTIFICATE}`, "done"],
  // The name does not match, and nobody vouches for the certificate.
  ["127.0.0.1", `sslmode=verify-full&sslrootcert=${CERTIFICATE}`, "unavailable"],
  ["localhost", "sslmode=verify-full", "unavailable"],
])("a connection to %s with %s: %s", async (host, parameters, expected) => {
  expect(await connectOutcome(front.url(host, parameters))).toBe(expected);
});

test("a connection lost under TLS shuts the fence, and the work is done on another", async () => {
  const database = openTestDatabase(front.url("localhost", "sslmode=require"), { max: 1 });
  const account = newAccount();
  const outcomes: string[] = [];
  await inTransaction(database, { tenantId: TENANT }, async (tx) => {
    await pay(tx, account);
    if (outcomes.length > 0) return;
    front.cutAll();
    outcomes.push(await outcomeOf(tx`select 1`), await outcomeOf(tx`select 1`));
  });
  expect(outcomes).toEqual(["connection_lost", "connection_lost"]);
  expect(await legsOf(server.adminUrl, account)).toEqual([1, 2]);
  await closeDatabase(database);
});

test("why the server ended a session is heard under TLS", async () => {
  const limits = { max: 1, applicationName: "ended-under-tls" };
  const database = openTestDatabase(front.url("localhost", "sslmode=require"), limits);
  const outcomes: string[] = [];
  await inTransaction(database, { tenantId: TENANT }, async (tx) => {
    await tx`select 1`;
    if (outcomes.length > 0) return;
    await killBackends(server.adminUrl, limits.applicationName);
    outcomes.push(await outcomeOf(tx`select 1`));
  });
  expect(outcomes).toEqual(["restarting"]);
  await closeDatabase(database);
});

test("a half-open connection under TLS ends by the deadline", async () => {
  const limits = { max: 1, statementTimeoutMs: 300 };
  const database = openTestDatabase(front.url("localhost", "sslmode=require"), limits);
  const account = newAccount();
  await inTransaction(database, { tenantId: TENANT }, (tx) => tx`select 1`);
  front.stallAll();
  const stuck = inTransaction(database, { tenantId: TENANT, deadlineMs: 500 }, (tx) => pay(tx, account));
  expect(await outcomeOf(stuck)).toBe("deadline_exceeded");
  expect(databaseUse(database)).toMatchObject({ inFlight: 0, open: 0 });
  await inTransaction(database, { tenantId: TENANT }, (tx) => pay(tx, account));
  expect(await legsOf(server.adminUrl, account)).toEqual([1, 2]);
  await closeDatabase(database);
});
