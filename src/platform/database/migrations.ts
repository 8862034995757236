import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One step of the schema, `migrations/NNNN_what.sql`. Once applied anywhere it is never edited. */
export type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };

export const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../../migrations", import.meta.url));
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** The steps that this version of the service knows, in order. Throws where a file is misnamed or shares a number. */
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
  // A checkout may have turned the line ends.
  const sql = readFileSync(path, "utf8").replaceAll("\r\n", "\n");
  return {
    name: file.slice(0, -".sql".length),
    sql,
    checksum: createHash("sha256").update(sql).digest("hex"),
  };
}

/** A step as the database remembers it. */
export type AppliedMigration = { readonly name: string; readonly checksum: string };

/** What is wrong between the steps known and the steps applied, a line for each; pending steps are not a fault. */
export function migrationFaults(known: readonly Migration[], applied: readonly AppliedMigration[]): string[] {
  const checksums = new Map(known.map(({ name, checksum }) => [name, checksum]));
  return applied.flatMap(({ name, checksum }) => {
    const expected = checksums.get(name);
    if (expected === undefined) {
      return [`the database has migration ${name}, which this version of the service does not know`];
    }
    return expected === checksum ? [] : [`migration ${name} was changed after it was applied`];
  });
}
