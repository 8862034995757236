import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One file of the schema, `migrations/NNNN_what.sql`. Once applied anywhere it is never edited. */
export type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };

export const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../../migrations", import.meta.url));
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** The migrations that this version of the service knows, in order. Throws where a file is misnamed or shares a number. */
export function readMigrations(folder = MIGRATIONS_FOLDER): Migration[] {
  const files = readdirSync(folder).sort();
  const numbers = new Set<string>();
  for (const file of files) {
    const number = FILE_NAME.exec(file)?.[1];
    if (number === undefined) throw new Error(`migrations/${file} is not named NNNN_what.sql`);
    if (numbers.has(number)) throw new Error(`migrations/${file}: there is another file ${number}`);
    numbers.add(number);
  }
  return files.map((file) => readMigration(join(folder, file), file));
}

function readMigration(path: string, file: string): Migration {
  // A checkout on Windows may have CRLF line ends; the checksum and what is run must not depend on it.
  const sql = readFileSync(path, "utf8").replaceAll("\r\n", "\n");
  return {
    name: file.slice(0, -".sql".length),
    sql,
    checksum: createHash("sha256").update(sql).digest("hex"),
  };
}

/**
 * Calls `work` with a folder whose files hold exactly the text that the checksums were taken of, because the migration
 * runner executes files byte for byte: `folder` itself, or a temporary copy with LF line ends where it has others.
 */
export async function withNormalisedFiles<T>(
  folder: string,
  migrations: readonly Migration[],
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const isNormalised = migrations.every(
    ({ name, sql }) => readFileSync(join(folder, `${name}.sql`), "utf8") === sql,
  );
  if (isNormalised) return work(folder);
  const copy = mkdtempSync(join(tmpdir(), "ballast-migrations-"));
  try {
    for (const { name, sql } of migrations) writeFileSync(join(copy, `${name}.sql`), sql);
    return await work(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** A migration as the database records it; `checksum` null: it was applied by something that records none. */
export type AppliedMigration = { readonly name: string; readonly checksum: string | null };

export type AppliedSchema = {
  /** In order. */
  readonly applied: readonly AppliedMigration[];
  /** The migration that a process must know at least; null where the schema is older than that record. */
  readonly leastKnown: string | null;
};

/**
 * What is wrong between known and applied migrations, a line for each; pending migrations are not a fault. The schema may
 * be newer than this version of the service, unless it says that a version must know more than this one does.
 */
export function migrationFaults(known: readonly Migration[], schema: AppliedSchema): string[] {
  const { applied, leastKnown } = schema;
  const newest = known.at(-1)?.name ?? "";
  const checksums = new Map(known.map(({ name, checksum }) => [name, checksum]));
  const mayBeNewer = leastKnown !== null && newest !== "";
  return [
    ...(mayBeNewer && leastKnown > newest
      ? [`the database needs a version of the service that knows migration ${leastKnown}`]
      : []),
    ...applied.flatMap(({ name, checksum }) => {
      const expected = checksums.get(name);
      if (expected === undefined) {
        if (mayBeNewer && name > newest) return [];
        return [`the database has migration ${name}, which this version of the service does not know`];
      }
      if (checksum === null)
        return [`migration ${name} was applied without a checksum, not by npm run migrate`];
      return expected === checksum ? [] : [`migration ${name} was changed after it was applied`];
    }),
    ...outOfOrder(known, applied),
  ];
}

/** Applied migrations that a known one was to come before: another history than the one that this version knows. */
function outOfOrder(known: readonly Migration[], applied: readonly AppliedMigration[]): string[] {
  const names = new Set(applied.map(({ name }) => name));
  const newest = applied.at(-1)?.name ?? "";
  return known
    .filter(({ name }) => name < newest && !names.has(name))
    .map(({ name }) => `the database has migration ${newest}, but not ${name}, which comes before it`);
}
