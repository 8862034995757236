import { existsSync } from "node:fs";

const MIGRATE = new URL("../../src/platform/database/migrate.ts", import.meta.url);

/** Brings the template database from nothing to the newest migration. */
export async function migrateTemplate(url: string): Promise<void> {
  if (!existsSync(MIGRATE)) return;
  const { migrate } = await import(MIGRATE.href);
  await migrate({ url });
}
