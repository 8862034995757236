import { PG_MIGRATE_LOCK_ID, runner } from "node-pg-migrate";
import type pg from "pg";
import { openMigrationSession } from "./migration-session.ts";
import {
  MIGRATIONS_FOLDER,
  migrationFaults,
  readMigrations,
  withNormalisedFiles,
  type AppliedSchema,
  type Migration,
} from "./migrations.ts";
import { asFunctionOwners, prepareRoles, SCHEMA_USERS } from "./roles.ts";

export type MigrateOptions = {
  /** The login that owns the schema. */
  readonly url: string;
  /** The login that the service works with, where it is another one: it is given the service's roles. */
  readonly serviceLogin?: string;
  /** Where the SQL files are. Default: the repository's own. */
  readonly folder?: string;
  readonly log?: (message: string) => void;
};

/** As long as another process may take for all its migrations. */
const ADVISORY_LOCK_WAIT = "10min";
/** A migration that cannot lock a table at once must not hold up the requests that queue behind it. */
const TABLE_LOCK_TIMEOUT = "15s";
/** The bookkeeping has a schema of its own: it belongs to no tenant. */
const SCHEMA = "migration";

/**
 * Applies the pending migrations, forward only, all in one transaction, and returns their names. Two processes may start
 * at once: one waits for the other. Throws an Error of one line when an applied file was edited or is not known here.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const folder = options.folder ?? MIGRATIONS_FOLDER;
  const known = readMigrations(folder);
  const session = await openMigrationSession(options.url);
  try {
    // Nothing that was reported as applied may be lost, whatever the server is set to.
    await session.query("set synchronous_commit = on");
    await takeAdvisoryLock(session);
    await prepareRoles(session, options.serviceLogin);
    await prepareBookkeeping(session);
    const pending = await findPending(session, known);
    if (pending.length === 0) return [];
    const log = options.log ?? (() => undefined);
    return await asFunctionOwners(session, () =>
      withNormalisedFiles(folder, known, (dir) => applyPending(session, dir, pending, log)),
    );
  } finally {
    // Ends the advisory lock too.
    await session.end();
  }
}

/**
 * The runner takes this same lock, but lets go of it when it returns and calls nothing of ours in between. The checksums
 * must be compared under the lock that the run itself holds: otherwise another version could migrate after the
 * comparison. The lock belongs to the session and is counted, so the runner gets it a second time at once.
 */
async function takeAdvisoryLock(session: pg.Client): Promise<void> {
  await session.query(`set lock_timeout = '${ADVISORY_LOCK_WAIT}'`);
  await session.query(`select pg_advisory_lock(${String(PG_MIGRATE_LOCK_ID)})`);
  await session.query(`set lock_timeout = '${TABLE_LOCK_TIMEOUT}'`);
}

async function prepareBookkeeping(session: pg.Client): Promise<void> {
  await session.query(`
    create schema if not exists ${SCHEMA};
    grant usage on schema ${SCHEMA} to ballast_service;
    grant usage on schema public to ${SCHEMA_USERS.join(", ")};
    create table if not exists ${SCHEMA}.checksum (
      name text primary key,
      checksum text not null
    );
    grant select on ${SCHEMA}.checksum to ballast_service`);
}

/** Throws where what was applied is not what this version knows. */
async function findPending(session: pg.Client, known: readonly Migration[]): Promise<Migration[]> {
  const schema = await readSchema(session);
  const [fault] = migrationFaults(known, schema);
  if (fault !== undefined) throw new Error(fault);
  const names = new Set(schema.applied.map(({ name }) => name));
  return known.filter(({ name }) => !names.has(name));
}

/** The table of the runner says what was applied; it is made by the first run. */
async function readSchema(session: pg.Client): Promise<AppliedSchema> {
  const tables = await session.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = $1",
    [SCHEMA],
  );
  const has = (table: string) => tables.rows.some(({ name }) => name === table);
  if (!has("applied")) return { applied: [], leastKnown: null };
  const { rows: applied } = await session.query<AppliedSchema["applied"][number]>(
    `select name, checksum from ${SCHEMA}.applied left join ${SCHEMA}.checksum using (name) order by name`,
  );
  if (!has("schema_compatibility")) return { applied, leastKnown: null };
  const { rows } = await session.query<{ least_known: string }>(
    `select least_known from ${SCHEMA}.schema_compatibility`,
  );
  return { applied, leastKnown: rows[0]?.least_known ?? null };
}

async function applyPending(
  session: pg.Client,
  dir: string,
  pending: readonly Migration[],
  log: (message: string) => void,
): Promise<string[]> {
  let current: string | undefined;
  try {
    await recordChecksums(session, pending);
    const applied = await runner({
      dbClient: session,
      dir,
      direction: "up",
      schema: "public",
      migrationsSchema: SCHEMA,
      migrationsTable: "applied",
      singleTransaction: true,
      advisoryLockMode: "wait",
      logger: {
        info: (message) => {
          current = announced(message) ?? current;
        },
        warn: log,
        error: log,
      },
    });
    return applied.map(({ name }) => name);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const failed = current === undefined ? "the migrations" : `migration ${current}`;
    throw new Error(`${failed} failed, nothing was applied: ${reason}`, { cause: error });
  }
}

/**
 * Opens the transaction that the runner then works in: its BEGIN inside of it changes nothing (the server warns of it),
 * and its COMMIT or ROLLBACK ends it. So a migration is never applied without its checksum, nor the other way round.
 */
async function recordChecksums(session: pg.Client, pending: readonly Migration[]): Promise<void> {
  await session.query("begin");
  await session.query(
    `insert into ${SCHEMA}.checksum (name, checksum)
     select * from unnest($1::text[], $2::text[])
         on conflict (name) do update set checksum = excluded.checksum`,
    [pending.map(({ name }) => name), pending.map(({ checksum }) => checksum)],
  );
}

/** The runner names a migration in its log just before it runs it, and nowhere in its errors. */
function announced(message: string): string | undefined {
  return /^### MIGRATION (\S+) \(UP\) ###$/.exec(message)?.[1];
}
