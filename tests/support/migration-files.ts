import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Calls `work` with a folder of these migrations, which is removed afterwards. */
export async function withMigrationFiles(
  migrations: readonly { readonly name: string; readonly sql: string }[],
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ballast-test-migrations-"));
  try {
    for (const { name, sql } of migrations) writeFileSync(join(folder, `${name}.sql`), sql);
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
