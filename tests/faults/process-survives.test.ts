import { afterAll, beforeAll, expect, test } from "vitest";
import { runChild } from "../support/child.ts";
import type { TestDatabase } from "../support/database.ts";
import { ledgerDatabase } from "../support/ledger.ts";

let server: TestDatabase;
beforeAll(async () => {
  server = await ledgerDatabase();
});
afterAll(async () => {
  await server.drop();
});

/** The end of a process that was neither killed by an exception nor left hanging, and what it said. */
async function scenario(name: string): Promise<unknown> {
  const { code, output, errors } = await runChild("lost-connection.ts", [name, server.url, server.adminUrl]);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  return JSON.parse(output);
}

test("a statement sent while the loss is being handled does not end the process", async () => {
  expect(await scenario("statementInCatch")).toEqual({
    outcomes: ["restarting", "restarting"],
    legs: [],
  });
});

test("a statement after the server ended an idle transaction does not end the process", async () => {
  expect(await scenario("statementAfterIdleTimeout")).toEqual({ outcomes: ["connection_lost"], legs: [] });
});

test("connections killed again and again under load: every call settles with the truth", async () => {
  expect(await scenario("killsUnderLoad")).toEqual({ wrong: [], isAnyDone: true, wereSomeKilled: true });
});

test("the patched driver survives a write scheduled for a socket that has gone", async () => {
  expect(await scenario("bareDriver")).toEqual({
    outcome: "write CONNECTION_CLOSED 127.0.0.1:".concat(portOf()),
  });
});

function portOf(): string {
  return new URL(server.url).port;
}
