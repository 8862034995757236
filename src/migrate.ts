import { ConfigError, parseMigrationConfig } from "./config/config.ts";
import { migrate } from "./platform/database/migrate.ts";

/** `npm run migrate`: brings the schema up to date with the migration login alone, and prints what it applied. */
async function main(): Promise<void> {
  const { url, serviceLogin } = parseMigrationConfig(process.env);
  const applied = await migrate({
    url,
    ...(serviceLogin === null ? {} : { serviceLogin }),
    log: (message) => process.stderr.write(`${message}\n`),
  });
  process.stdout.write(
    applied.length === 0 ? "the schema is up to date\n" : `applied ${applied.join(", ")}\n`,
  );
}

try {
  await main();
} catch (error) {
  const lines =
    error instanceof ConfigError ? error.faults : [error instanceof Error ? error.message : String(error)];
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}
