/**
 * Fills a database with realistic runs: `npm run fill -- ROWS [URL]`. URL is the login that owns the schema; left out,
 * MIGRATION_DATABASE_URL or DATABASE_URL.
 */
import { fillWithProgress } from "./bench/fill-progress.ts";

const [rowsText = "", url = process.env["MIGRATION_DATABASE_URL"] ?? process.env["DATABASE_URL"]] =
  process.argv.slice(2);
const rows = Number(rowsText);
if (!Number.isSafeInteger(rows) || rows < 1 || url === undefined) {
  process.stderr.write(
    "npm run fill -- ROWS [URL]: say how many runs, and which database (or set DATABASE_URL)\n",
  );
  process.exitCode = 2;
} else {
  await fillWithProgress(url, rows);
}
