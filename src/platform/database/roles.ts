import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/**
 * The roles that the service works in. They belong to the cluster, not to a database, and nobody logs in as them:
 * - ballast_service: what requests run as, within one tenant;
 * - ballast_worker: taken for one transaction to find work across tenants;
 * - ballast_retention: taken for one transaction to delete what is older than its retention.
 */
export const SERVICE_ROLES = ["ballast_service", "ballast_worker", "ballast_retention"] as const;

/**
 * What a process gets that prepares the same roles of the cluster from another database at the same time, where no
 * advisory lock is shared: duplicate_object, unique_violation, and the XX000 "tuple concurrently updated" of two grants.
 */
const CONCURRENT_CHANGE = new Set(["42710", "23505", "XX000"]);
const MAX_ATTEMPTS = 10;
const BACKOFF_MS = 50;

/** Makes the roles where they are missing, and lets `login` (default: the login of this session) take them. */
export async function prepareRoles(session: pg.Client, login?: string): Promise<void> {
  for (const role of SERVICE_ROLES) {
    await retryWhenConcurrent(() => createRole(session, role));
    await retryWhenConcurrent(() => allowRole(session, role, login));
  }
}

async function createRole(session: pg.Client, role: string): Promise<void> {
  const { rowCount } = await session.query("select 1 from pg_roles where rolname = $1", [role]);
  if (rowCount === 0) await session.query(`create role ${role} nologin noinherit`);
}

/** A superuser takes any role; any other login must be a member, and only by taking the role have its rights. */
async function allowRole(session: pg.Client, role: string, login: string | undefined): Promise<void> {
  const { rows } = await session.query<{ login: string; may_take: boolean; has_options: boolean }>(
    `select rolname as login,
            pg_has_role(rolname, $1, case when has_options then 'SET' else 'MEMBER' end) as may_take,
            has_options
       from pg_roles, (select current_setting('server_version_num')::int >= 160000 as has_options) as version
      where rolname = coalesce($2, current_user)`,
    [role, login ?? null],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`the database has no login ${String(login)}`);
  if (row.may_take) return;
  const options = row.has_options ? " with inherit false, set true" : "";
  await session.query(`grant ${role} to ${pg.escapeIdentifier(row.login)}${options}`);
}

async function retryWhenConcurrent(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      const isConcurrent = error instanceof pg.DatabaseError && CONCURRENT_CHANGE.has(error.code ?? "");
      if (!isConcurrent || attempt === MAX_ATTEMPTS) throw error;
      await delay(BACKOFF_MS * Math.random());
    }
  }
}
