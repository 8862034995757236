import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import { attempt, type AttemptEnd } from "../../src/features/operations/attempt-operation.ts";
import { claimDue } from "../../src/features/operations/repository/leases.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import {
  acceptOperation,
  attemptDeps,
  leaveTrace,
  makeClaimable,
  seeOperation,
  succeeded,
} from "../support/operations.ts";
import { hasText, isComplete, type Message } from "../support/protocol.ts";
import { openProxy, type Direction, type TcpProxy, type Verdict } from "../support/tcp-proxy.ts";

let test: TestDatabase;
let proxy: TcpProxy;
let database: Database;
const open: Database[] = [];

beforeAll(async () => {
  test = await testDatabase();
  proxy = await openProxy(test.url);
  database = openTestDatabase(test.url);
});
afterEach(async () => {
  proxy.judge = () => "pass";
  proxy.heal();
  await Promise.all(open.splice(0).map((each) => closeDatabase(each, 0)));
});
afterAll(async () => {
  await closeDatabase(database);
  await proxy.close();
  await test.drop();
});

/** Judges the messages of the worker's connections from the moment at which it writes its outcome. */
type Cut = (direction: Direction, message: Message) => Verdict;

/** One attempt by a worker that reaches the database through the proxy. */
async function attemptThrough(
  cut: Cut,
  cuts: number,
  leaseMs = 30_000,
): Promise<{ id: string; end: AttemptEnd }> {
  const behind = openTestDatabase(proxy.url(test.url), { max: 2, statementTimeoutMs: 1_000 });
  open.push(behind);
  const id = await acceptOperation(database);
  const { owner } = attemptDeps(database, () => Promise.reject(new Error("not this one"))).terms;
  const terms = { owner, leaseMs };
  const [claim] = await inTransaction(database, { tenantId: null }, (tx) =>
    claimDue(tx, terms, 1, new Date().toISOString()),
  );
  if (claim === undefined) throw new Error("nothing was due");
  let left = cuts;
  let isWriting = false;
  const judge: Cut = (direction, message) => {
    // The reads before it have a COMMIT too, which may be under way still.
    isWriting ||= writesResult(message);
    const verdict = isWriting && left > 0 ? cut(direction, message) : "pass";
    if (verdict !== "pass") left -= 1;
    return verdict;
  };
  const deps = attemptDeps(
    behind,
    (operation) => {
      proxy.judge = judge;
      return Promise.resolve(leaveTrace(operation, succeeded));
    },
    { terms },
  );
  return { id, end: await attempt(deps, claim) };
}

const writesResult = (message: Message): boolean => hasText(message, "result_text =");

/** What a client sends once its last update is confirmed is COMMIT, whether or not its text goes with it. */
function commitLost(): Cut {
  let isUpdated = false;
  return (direction, message) => {
    const isCommit = isUpdated && direction === "to server";
    isUpdated = !isCommit && (isUpdated || isComplete(message, "UPDATE"));
    return isCommit ? "cut before" : "pass";
  };
}
const replyLost: Cut = (_, message) => (isComplete(message, "COMMIT") ? "cut before" : "pass");
const silence: Cut = (_, message) => (isComplete(message, "COMMIT") ? "stall" : "pass");
/** Whatever comes after the result, renewals of the lease and further attempts to connect included. */
const gone: Cut = () => "cut before";
const resultLost: Cut = (_, message) => (writesResult(message) ? "cut after" : "pass");

describe("the connection of a worker that writes its outcome", () => {
  it.each([
    ["is cut ahead of COMMIT", commitLost(), 1],
    ["is cut while COMMIT is under way, which the server has done", replyLost, 1],
    ["falls silent instead of confirming COMMIT", silence, 1],
    ["is cut in the middle of the writes", resultLost, 1],
    ["is cut three times at COMMIT", commitLost(), 3],
  ])("%s: one effect, one status, in the same attempt", async (_, cut, cuts) => {
    const { id, end } = await attemptThrough(cut, cuts);
    expect(end).toBe("succeeded");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "SUCCEEDED",
      attempt: 1,
      traces: 1,
    });
  });

  it("is cut for good: nothing is half done, and the end of the lease gives the operation to another", async () => {
    const { id, end } = await attemptThrough(gone, Infinity, 1_000);
    expect(end).toBe("unsettled");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "RUNNING", attempt: 1, traces: 0 });
    await makeClaimable(test.adminUrl, id);
    const deps = attemptDeps(database, (operation) => Promise.resolve(leaveTrace(operation, succeeded)));
    const [claim] = await inTransaction(database, { tenantId: null }, (tx) =>
      claimDue(tx, deps.terms, 1, new Date().toISOString()),
    );
    if (claim === undefined) throw new Error("nothing was due");
    expect(await attempt(deps, claim)).toBe("succeeded");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "SUCCEEDED", traces: 1 });
  });
});
