import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** What requests and background work run as, within one tenant. The service's login takes it for every session. */
const SERVICE_ROLE = "ballast_service";

/**
 * What the functions that work across tenants run as: ballast_purger deletes what has expired, ballast_claimer claims
 * operations. They own these functions; no login is a member of either.
 */
const FUNCTION_OWNERS = ["ballast_purger", "ballast_claimer"] as const;

/**
 * What earlier versions of the service took in their place. Since migrations 0012 and 0013 they have no right in this
 * database. They are still named by earlier migrations, and may be in use by another database of the cluster: roles
 * belong to all of it. So nobody is made a member of them any more, and nobody's membership is revoked.
 */
const FORMER_ROLES = ["ballast_worker", "ballast_retention"] as const;

export const SCHEMA_USERS = [SERVICE_ROLE, ...FUNCTION_OWNERS] as const;

/**
 * What a process gets that prepares the same roles of the cluster from another database at the same time, where no
 * advisory lock is shared: duplicate_object, unique_violation, and the XX000 "tuple concurrently updated" of two grants.
 */
const CONCURRENT_CHANGE = new Set(["42710", "23505", "XX000"]);
const MAX_ATTEMPTS = 10;
const BACKOFF_MS = 50;

/** Makes the roles where they are missing, and lets `login` (default: the login of this session) be the service. */
export async function prepareRoles(session: pg.Client, login?: string): Promise<void> {
  for (const role of [SERVICE_ROLE, ...FUNCTION_OWNERS, ...FORMER_ROLES]) {
    await retryWhenConcurrent(() => createRole(session, role));
  }
  await retryWhenConcurrent(() => allowRole(session, SERVICE_ROLE, login));
}

/**
 * Runs `work` while the login of this session is a member of the owners of the functions: who gives a function to a
 * role must be one. A superuser need not be. Where the process ends in between, the login stays a member; it owns the
 * tables anyway, so that lets it do nothing new.
 */
export async function asFunctionOwners<T>(session: pg.Client, work: () => Promise<T>): Promise<T> {
  const granted: string[] = [];
  try {
    for (const role of FUNCTION_OWNERS) {
      if (await retryWhenConcurrent(() => allowRole(session, role))) granted.push(role);
    }
    return await work();
  } finally {
    for (const role of granted) {
      await retryWhenConcurrent(async () => {
        await session.query(`revoke ${role} from current_user`);
      });
    }
  }
}

async function createRole(session: pg.Client, role: string): Promise<void> {
  const { rowCount } = await session.query("select 1 from pg_roles where rolname = $1", [role]);
  if (rowCount === 0) await session.query(`create role ${role} nologin noinherit`);
}

/**
 * A superuser takes any role; any other login must be a member, and only by taking the role have its rights. True: it
 * was made a member now.
 */
async function allowRole(session: pg.Client, role: string, login?: string): Promise<boolean> {
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
  if (row.may_take) return false;
  const options = row.has_options ? " with inherit false, set true" : "";
  await session.query(`grant ${role} to ${pg.escapeIdentifier(row.login)}${options}`);
  return true;
}

async function retryWhenConcurrent<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const isConcurrent = error instanceof pg.DatabaseError && CONCURRENT_CHANGE.has(error.code ?? "");
      if (!isConcurrent || attempt === MAX_ATTEMPTS) throw error;
      await delay(BACKOFF_MS * Math.random());
    }
  }
}
