import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedDatabase } from "../../src/platform/database/embedded.ts";

export type BenchService = {
  readonly base: string;
  /** The service's own login, for the floor. */
  readonly databaseUrl: string;
  /** The login that owns the schema. */
  readonly ownerUrl: string;
  readonly stop: () => Promise<void>;
};

/** A built service in a process of its own, on a PostgreSQL of its own that is thrown away afterwards. */
export async function startBenchService(poolMax: number): Promise<BenchService> {
  const folder = await mkdtemp(join(tmpdir(), "ballast-bench-"));
  const database = await openEmbeddedDatabase({
    folder: join(folder, "postgres"),
    log: (message) => process.stderr.write(`${message}\n`),
    onGone: (reason) => process.stderr.write(`${reason.message}\n`),
  });
  const child = spawn(process.execPath, ["dist/main.js"], {
    env: {
      ...process.env,
      PORT: "0",
      LOG_LEVEL: "warn",
      DATABASE_URL: database.url,
      MIGRATION_DATABASE_URL: database.migrationUrl,
      DATABASE_POOL_MAX: String(poolMax),
      // What fills the lists is older than a day.
      DPM_ASYNC_OPERATIONS_TTL_SECONDS: String(10 * 365 * 24 * 3600),
    },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const base = await listeningAddress(child);
  return {
    base,
    databaseUrl: database.url,
    ownerUrl: database.migrationUrl,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await database.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function listeningAddress(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const address = /listens on (http:\S+?),/.exec(output)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once("exit", () => reject(new Error(`the service did not start:\n${output}`)));
  });
}
