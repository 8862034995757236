import { randomUUID } from "node:crypto";
import type { Tx } from "../../src/platform/database/transaction.ts";
import { testDatabase, type TestDatabase } from "./database.ts";
import { withSession } from "./session.ts";

export const TENANT = "tenant-a";

/** A table as ours are: rows of a tenant, guarded by row-level security; each test tells its rows by an account. */
const LEDGER = `
  create table ledger_entry (
    tenant_id text not null,
    account   text not null,
    leg       int  not null,
    constraint ledger_entry_pkey primary key (tenant_id, account, leg)
  );
  alter table ledger_entry enable row level security, force row level security;
  create policy tenant_isolation on ledger_entry using (tenant_id = current_tenant());
  grant select, insert, update, delete on ledger_entry to ballast_service`;

export async function ledgerDatabase(): Promise<TestDatabase> {
  const database = await testDatabase();
  await withSession(database.adminUrl, async (session) => {
    await session.query(LEDGER);
  });
  return database;
}

export function newAccount(): string {
  return `account-${randomUUID()}`;
}

export async function enter(tx: Tx, account: string, leg: number): Promise<void> {
  await tx`insert into ledger_entry (tenant_id, account, leg) values (${TENANT}, ${account}, ${leg})`;
}

/** A payment: two legs, both or none. */
export async function pay(tx: Tx, account: string): Promise<void> {
  await Promise.all([enter(tx, account, 1), enter(tx, account, 2)]);
}

/** The legs that are in the ledger, read behind the service's back. */
export async function legsOf(adminUrl: string, account: string): Promise<number[]> {
  return withSession(adminUrl, async (session) => {
    const { rows } = await session.query<{ leg: number }>(
      "select leg from ledger_entry where account = $1 order by leg",
      [account],
    );
    return rows.map(({ leg }) => leg);
  });
}

/** Ends the server side of every connection of an application, as an operator or a failover does; returns how many. */
export async function killBackends(adminUrl: string, applicationName: string): Promise<number> {
  return withSession(adminUrl, async (session) => {
    const { rowCount } = await session.query(
      `select pg_terminate_backend(pid, 5000)
         from pg_stat_activity
        where application_name = $1 and datname = current_database()`,
      [applicationName],
    );
    return rowCount ?? 0;
  });
}

export async function backendStates(adminUrl: string, applicationName: string): Promise<string[]> {
  return withSession(adminUrl, async (session) => {
    const { rows } = await session.query<{ state: string }>(
      "select state from pg_stat_activity where application_name = $1 and datname = current_database()",
      [applicationName],
    );
    return rows.map(({ state }) => state);
  });
}

/** Waits until a connection of the application is in that state. */
export async function awaitBackend(adminUrl: string, applicationName: string, state: string): Promise<void> {
  const patience = performance.now() + 10_000;
  while (!(await backendStates(adminUrl, applicationName)).includes(state)) {
    if (performance.now() > patience) throw new Error(`no connection of ${applicationName} became ${state}`);
  }
}
