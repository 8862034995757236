import postgres from "postgres";
import type { Database } from "./database.ts";
import { migrationFaults, type AppliedMigration, type Migration } from "./migrations.ts";
import { inTransaction, type Tx } from "./transaction.ts";

/** What the patch under `patches/` leaves in the driver. */
const DRIVER_PATCH = "3.4.9-ballast.1";

export type StartupCheckOptions = {
  readonly deadlineMs?: number;
  /** The service must have a login of its own: neither a superuser nor the owner of the tables, which may do anything. */
  readonly isOwnLogin?: boolean;
};

/**
 * Why the service must not run on this database, a line for each reason; none means that it may. Everything the
 * service promises rests on these: that COMMIT means written, and that row-level security holds for its role.
 */
export async function startupFaults(
  database: Database,
  known: readonly Migration[],
  { deadlineMs = database.limits.deadlineMs, isOwnLogin = false }: StartupCheckOptions = {},
): Promise<string[]> {
  const driverFaults = findDriverFaults();
  if (driverFaults.length > 0) return driverFaults;
  return inTransaction(database, { tenantId: null, readOnly: true, deadlineMs }, async (tx) => {
    const [server, role, login, tables, migrations] = await Promise.all([
      findServerFaults(tx),
      findRoleFaults(tx),
      findLoginFaults(tx, isOwnLogin),
      findTableFaults(tx),
      findMigrationFaults(tx, known),
    ]);
    return [...server, ...role, ...login, ...tables, ...migrations];
  });
}

function findDriverFaults(): string[] {
  const patch = "patch" in postgres ? String(postgres.patch) : "none";
  if (patch === DRIVER_PATCH) return [];
  return [`the database driver lacks its patch (has ${patch}, needs ${DRIVER_PATCH}): run npm ci`];
}

export type ServerSettings = {
  readonly version: number;
  readonly is_standby: boolean;
  readonly is_read_only: boolean;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
};

async function findServerFaults(tx: Tx): Promise<string[]> {
  const [row] = await tx<ServerSettings>`
    select current_setting('server_version_num')::int as version,
           pg_is_in_recovery() as is_standby,
           current_setting('default_transaction_read_only')::boolean as is_read_only,
           current_setting('fsync') as fsync,
           current_setting('full_page_writes') as full_page_writes,
           current_setting('synchronous_commit') as synchronous_commit`;
  return row === undefined ? ["the database does not tell its settings"] : serverFaults(row);
}

/** `local`, `remote_write` and `off` acknowledge a COMMIT that a crash or a failover may lose. */
const DURABLE_COMMIT = ["on", "remote_apply"];
const LEAST_VERSION = 150_000;

export function serverFaults(settings: ServerSettings): string[] {
  const { version, is_standby, is_read_only, fsync, full_page_writes, synchronous_commit } = settings;
  return [
    ...when(version < LEAST_VERSION, `PostgreSQL 15 or later is needed, this is ${String(version)}`),
    ...when(is_standby, "this database is a standby: DATABASE_URL must name the primary"),
    ...when(is_read_only, "default_transaction_read_only is on: this database takes no writes"),
    ...when(fsync !== "on", "fsync is off: a crash would lose acknowledged writes"),
    ...when(full_page_writes !== "on", "full_page_writes is off: a crash could tear pages"),
    ...when(
      !DURABLE_COMMIT.includes(synchronous_commit),
      `synchronous_commit is ${synchronous_commit}, not on: a crash would lose acknowledged writes`,
    ),
  ];
}

type RoleRow = { role: string; is_superuser: boolean; bypasses: boolean };

async function findRoleFaults(tx: Tx): Promise<string[]> {
  const [row] = await tx<RoleRow>`
    select rolname as role, rolsuper as is_superuser, rolbypassrls as bypasses
      from pg_roles
     where rolname = current_user`;
  if (row === undefined) return ["the database does not tell the role in force"];
  const { role } = row;
  return [
    ...when(
      row.is_superuser,
      `the role in force, ${role}, is a superuser: row-level security would not hold`,
    ),
    ...when(row.bypasses, `the role in force, ${role}, has BYPASSRLS: row-level security would not hold`),
  ];
}

type LoginRow = { login: string; is_owner: boolean; dangerous_roles: string | null };

/**
 * Looks for roles that the login can take, itself among them, and that may delete from a table or see rows of every
 * tenant: by what they may do in this database, whatever they are called.
 */
async function findLoginFaults(tx: Tx, isOwnLogin: boolean): Promise<string[]> {
  const [row] = await tx<LoginRow>`
    with tables as (
      select oid, relowner
        from pg_class
       where relkind in ('r', 'p')
         and relnamespace in ('public'::regnamespace, to_regnamespace('migration')))
    select session_user::text as login,
           exists (select from tables where pg_has_role(session_user, relowner, 'MEMBER')) as is_owner,
           (select string_agg(r.rolname::text, ', ' order by r.rolname)
              from pg_roles r
             where pg_has_role(session_user, r.oid, 'MEMBER')
               and (r.rolbypassrls
                    or exists (select from tables where has_table_privilege(r.oid, oid, 'DELETE, TRUNCATE'))
                    or exists (select from pg_policy where r.oid = any(polroles)))) as dangerous_roles`;
  if (row === undefined) return ["the database does not tell the login"];
  // Whoever owns the tables may do anything to them, so what else the login can take says nothing.
  if (row.is_owner) {
    return when(
      isOwnLogin,
      `the login, ${row.login}, can act as the owner of the tables: it needs one of its own`,
    );
  }
  return when(
    row.dangerous_roles !== null,
    `the login can take the role ${String(row.dangerous_roles)}, which may delete or sees every tenant`,
  );
}

type TableRow = { name: string; is_owned: boolean; is_guarded: boolean };

async function findTableFaults(tx: Tx): Promise<string[]> {
  const rows = await tx<TableRow>`
    select c.relname as name,
           pg_has_role(c.relowner, 'MEMBER') as is_owned,
           c.relrowsecurity and c.relforcerowsecurity
             or not exists (select from pg_attribute a
                             where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as is_guarded
      from pg_class c
     where c.relkind in ('r', 'p')
       and c.relnamespace in ('public'::regnamespace, to_regnamespace('migration'))
     order by c.relname`;
  const owned = rows.filter(({ is_owned }) => is_owned).map(({ name }) => name);
  const unguarded = rows.filter(({ is_guarded }) => !is_guarded).map(({ name }) => name);
  return [
    ...when(owned.length > 0, `the role in force owns ${owned.join(", ")}: it could lift their guards`),
    ...when(unguarded.length > 0, `row-level security is not enabled and forced on ${unguarded.join(", ")}`),
  ];
}

async function findMigrationFaults(tx: Tx, known: readonly Migration[]): Promise<string[]> {
  const [table] = await tx<{ has_checksums: boolean; has_compatibility: boolean }>`
    select to_regclass('migration.checksum') is not null as has_checksums,
           to_regclass('migration.schema_compatibility') is not null as has_compatibility`;
  const [applied, compatibility] = await Promise.all([
    table?.has_checksums === true
      ? tx<AppliedMigration>`select name, checksum from migration.checksum order by name`
      : [],
    table?.has_compatibility === true
      ? tx<{ least_known: string }>`select least_known from migration.schema_compatibility`
      : [],
  ]);
  const names = new Set(applied.map(({ name }) => name));
  const pending = known.filter(({ name }) => !names.has(name)).map(({ name }) => name);
  return [
    ...migrationFaults(known, { applied, leastKnown: compatibility[0]?.least_known ?? null }),
    ...when(
      pending.length > 0,
      `the database lacks the migrations ${pending.join(", ")}: run npm run migrate`,
    ),
  ];
}

function when(isFault: boolean, message: string): string[] {
  return isFault ? [message] : [];
}
