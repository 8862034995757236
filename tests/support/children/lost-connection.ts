/**
 * Runs one way of losing a connection in a process of its own, for the ways that could end a process. Prints what came
 * of it as one line of JSON. Arguments: the name of the scenario, the service's URL, the superuser's URL.
 */
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { openTestDatabase } from "../databases.ts";
import { gate, outcomeOf } from "../faults.ts";
import { awaitBackend, enter, killBackends, legsOf, newAccount, pay, TENANT } from "../ledger.ts";

const [name = "", url = "", adminUrl = ""] = process.argv.slice(2);
const service = `child-${name}`;
const context = { tenantId: TENANT };

/** The statement that was running fails; the work catches that and sends another at once. */
async function statementInCatch(): Promise<unknown> {
  const database = openTestDatabase(url, { max: 1, applicationName: service });
  const outcomes: string[] = [];
  const working = inTransaction(database, context, async (tx) => {
    if (outcomes.length > 0) return;
    outcomes.push(await outcomeOf(tx`select pg_sleep(30)`));
    outcomes.push(await outcomeOf(enter(tx, "catch", 1)));
  });
  await awaitBackend(adminUrl, service, "active");
  await killBackends(adminUrl, service);
  await working;
  await closeDatabase(database);
  return { outcomes, legs: await legsOf(adminUrl, "catch") };
}

/** The server ends a transaction that stands idle; its next statement comes with no other traffic in between. */
async function statementAfterIdleTimeout(): Promise<unknown> {
  const limits = { max: 1, applicationName: service, idleInTransactionTimeoutMs: 100 };
  const database = openTestDatabase(url, limits);
  const outcomes: string[] = [];
  await inTransaction(database, context, async (tx) => {
    if (outcomes.length > 0) return;
    await enter(tx, "idle", 1);
    while (database.pool.open.values().next().value?.isLost === false) await delay(5);
    outcomes.push(await outcomeOf(enter(tx, "idle", 2)));
  });
  await closeDatabase(database);
  return { outcomes, legs: await legsOf(adminUrl, "idle") };
}

/** Every connection is ended again and again while payments are made. */
async function killsUnderLoad(): Promise<unknown> {
  const database = openTestDatabase(url, { max: 4, applicationName: service });
  const accounts: string[] = [];
  const paying: Promise<string>[] = [];
  let kills = 0;
  // As many waves as it takes for the kills to count: a fast machine has paid one before the third kill.
  while (kills <= 8) {
    const wave = Array.from({ length: 150 }, newAccount);
    let unpaid = wave.length;
    for (const account of wave) {
      accounts.push(account);
      paying.push(
        outcomeOf(payOnce(database, account)).finally(() => {
          unpaid -= 1;
        }),
      );
    }
    while (unpaid > 0) {
      kills += await killBackends(adminUrl, service);
      await delay(50);
    }
  }
  const outcomes = await Promise.all(paying);
  await closeDatabase(database);
  const wrong: unknown[] = [];
  for (const [index, account] of accounts.entries()) {
    const legs = (await legsOf(adminUrl, account)).length;
    const outcome = outcomes[index] ?? "";
    const isRight = outcome === "done" ? legs === 2 : legs === 0 || outcome === "commit_outcome_unknown";
    if (!isRight || legs === 1) wrong.push({ account, outcome, legs });
  }
  return { wrong, isAnyDone: outcomes.includes("done"), wereSomeKilled: kills > 8 };
}

/** The work rests between its statements, so that the kills find it in the middle. */
function payOnce(database: Database, account: string): Promise<void> {
  return inTransaction(database, context, async (tx) => {
    await pay(tx, account);
    await tx`select 1`;
    await delay(5);
  });
}

/** The bare driver, used as its manual says: this is what its patch is for. */
async function bareDriver(): Promise<unknown> {
  const driver = postgres(url, { max: 1, connection: { application_name: service } });
  const hasTried = gate();
  const outcome = outcomeOf(
    driver.begin(async (tx) => {
      await tx`select 1`;
      await killBackends(adminUrl, service);
      await delay(50);
      await Promise.race([tx`select 2`, delay(100)]);
      hasTried.open();
    }),
  );
  await hasTried.opened;
  return { outcome: await outcome };
}

const scenarios: Record<string, () => Promise<unknown>> = {
  statementInCatch,
  statementAfterIdleTimeout,
  killsUnderLoad,
  bareDriver,
};
const scenario = scenarios[name];
if (scenario === undefined) throw new Error(`no scenario ${name}`);
process.stdout.write(`${JSON.stringify(await scenario())}\n`);
if (name === "bareDriver") process.exit();
