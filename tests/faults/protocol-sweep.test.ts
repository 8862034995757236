import { afterAll, beforeAll, expect, test } from "vitest";
import { closeDatabase } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import type { TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { outcomeOf } from "../support/faults.ts";
import { legsOf, ledgerDatabase, newAccount, pay, TENANT } from "../support/ledger.ts";
import { openProxy, type Verdict } from "../support/tcp-proxy.ts";

let server: TestDatabase;
beforeAll(async () => {
  server = await ledgerDatabase();
});
afterAll(async () => {
  await server.drop();
});

type Trial = { outcome: string; legs: number[]; attempts: number; steps: number };

/**
 * Runs two payments, one on the new connection and one on the warm one, through a proxy that gives `verdict` to the
 * message number `step` of all that pass, in either direction, from the first byte on.
 */
async function payThroughFault(step: number, verdict: Verdict): Promise<Trial[]> {
  const proxy = await openProxy(server.url);
  const database = openTestDatabase(proxy.url(server.url), { max: 1, statementTimeoutMs: 400 });
  let steps = 0;
  proxy.judge = () => {
    steps += 1;
    return steps === step ? verdict : "pass";
  };
  const trials: Trial[] = [];
  for (const account of [newAccount(), newAccount()]) {
    let attempts = 0;
    const outcome = await outcomeOf(
      inTransaction(database, { tenantId: TENANT }, async (tx) => {
        attempts += 1;
        await pay(tx, account);
      }),
    );
    trials.push({ outcome, legs: await legsOf(server.adminUrl, account), attempts, steps });
  }
  expect(database.pool.admission.inFlight()).toBe(0);
  await closeDatabase(database, 0);
  await proxy.close();
  return trials;
}

/** A stalled connection keeps its locks until the server gives it up; who runs into them has written nothing. */
const FAILED_BEFORE_COMMIT = ["statement_timeout", "lock_timeout", "connection_lost", "unavailable"];

/** Acknowledged is there, whole and once (the key allows no second leg); failed is absent; unknown is whole or absent. */
function check({ outcome, legs }: Trial, label: string): void {
  if (outcome === "done") expect(legs, label).toEqual([1, 2]);
  else if (outcome === "commit_outcome_unknown") expect([[], [1, 2]], label).toContainEqual(legs);
  else {
    expect(FAILED_BEFORE_COMMIT, label).toContain(outcome);
    expect(legs, label).toEqual([]);
  }
}

// Runs that are stalled mostly wait.
test.each([
  ["cut before", 8],
  ["cut after", 8],
  ["stall", 30],
] as const)(
  "%s: at every step of the protocol what is acknowledged is there, once, and what failed is absent",
  async (verdict, lanes) => {
    const [, whole] = await payThroughFault(0, "pass");
    const total = whole?.steps ?? 0;
    expect(total).toBeGreaterThan(40);
    const outcomes = new Map<string, number>();
    const sweep = async (first: number): Promise<void> => {
      for (let step = first; step <= total; step += lanes) {
        for (const trial of await payThroughFault(step, verdict)) {
          check(trial, `${verdict} step ${String(step)}`);
          outcomes.set(trial.outcome, (outcomes.get(trial.outcome) ?? 0) + 1);
        }
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, lane) => sweep(lane + 1)));
    process.stdout.write(`${verdict}: ${String(total)} steps, ${JSON.stringify([...outcomes])}\n`);
    expect(outcomes.get("commit_outcome_unknown")).toBeGreaterThan(0);
  },
);
