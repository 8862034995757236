import { runner, type RunnerOption } from "node-pg-migrate";
import pg from "pg";
import {
  MIGRATIONS_FOLDER,
  migrationFaults,
  readMigrations,
  type AppliedMigration,
  type Migration,
} from "./migrations.ts";
import { prepareRoles } from "./roles.ts";

export type MigrateOptions = {
  /** The login that owns the schema. */
  readonly url: string;
  /** The login that the service works with, where it is another one: it is given the service's roles. */
  readonly serviceLogin?: string;
  /** Default: the repository's own. */
  readonly migrations?: readonly Migration[];
  readonly log?: (message: string) => void;
};

/** Names this work among the advisory locks of the database. */
const LOCK = "7241865325823964";
/** As long as another process may take for all its steps. */
const LOCK_WAIT = "10min";
/** A step that cannot have its lock at once must not hold up the requests that queue behind it. */
const STEP_LOCK_TIMEOUT = "15s";
/** Our bookkeeping has a schema of its own: it belongs to no tenant. */
const SCHEMA = "migration";

/**
 * Brings the database to the newest step, forward only, all pending steps in one transaction, and returns the names of
 * those it applied. Two processes may start at once: one waits for the other. Throws an Error of one line when an
 * applied file was edited or is not known here.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const known = options.migrations ?? readMigrations();
  const session = new pg.Client({ connectionString: options.url, application_name: "ballast-migrate" });
  await session.connect();
  try {
    await session.query(`set lock_timeout = '${LOCK_WAIT}'`);
    await session.query(`select pg_advisory_lock(${LOCK})`);
    await session.query(`set lock_timeout = '${STEP_LOCK_TIMEOUT}'`);
    await prepareRoles(session, options.serviceLogin);
    await prepareBookkeeping(session);
    await assertUnchanged(session, known);
    return await applyPending(session, known, options.log ?? (() => undefined));
  } finally {
    // Ends the advisory lock too.
    await session.end();
  }
}

async function prepareBookkeeping(session: pg.Client): Promise<void> {
  await session.query(`
    create schema if not exists ${SCHEMA};
    grant usage on schema ${SCHEMA} to ballast_service;
    grant usage on schema public to ballast_service, ballast_worker, ballast_retention;
    create table if not exists ${SCHEMA}.checksum (
      name text primary key,
      checksum text not null
    );
    grant select on ${SCHEMA}.checksum to ballast_service`);
}

async function assertUnchanged(session: pg.Client, known: readonly Migration[]): Promise<void> {
  const { rows } = await session.query<AppliedMigration>(
    `select name, checksum from ${SCHEMA}.checksum order by name`,
  );
  const [fault] = migrationFaults(known, rows);
  if (fault !== undefined) throw new Error(fault);
}

async function applyPending(
  session: pg.Client,
  known: readonly Migration[],
  log: (message: string) => void,
): Promise<string[]> {
  const underWay = { name: "" };
  try {
    const applied = await runner({
      dbClient: session,
      ...loadedFrom(known, underWay),
      direction: "up",
      schema: "public",
      migrationsSchema: SCHEMA,
      migrationsTable: "applied",
      singleTransaction: true,
      // The lock is held already, around the roles too.
      noLock: true,
      logger: { debug: () => undefined, info: () => undefined, warn: log, error: log },
    });
    return applied.map(({ name }) => name);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`migration ${underWay.name} failed, nothing was applied: ${reason}`, { cause: error });
  }
}

/** The runner reads a folder; what it runs is what was read and summed up here, so that the two cannot differ. */
function loadedFrom(
  known: readonly Migration[],
  underWay: { name: string },
): Pick<RunnerOption, "dir" | "migrationLoaderStrategies"> {
  const units = known.map(({ name, sql, checksum }) => ({
    id: name,
    filePaths: [`${name}.sql`],
    actions: {
      up: (builder: { sql: (text: string) => void }) => {
        underWay.name = name;
        builder.sql(sql);
        // In the transaction of the step itself: applied and remembered, or neither.
        builder.sql(`insert into ${SCHEMA}.checksum (name, checksum) values ('${name}', '${checksum}')`);
      },
      down: false as const,
    },
  }));
  return {
    dir: MIGRATIONS_FOLDER,
    migrationLoaderStrategies: [{ extensions: [".sql"], loader: () => Promise.resolve(units) }],
  };
}
