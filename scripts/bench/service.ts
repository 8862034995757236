import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { openEmbeddedDatabase } from "../../src/platform/database/embedded.ts";

export type BenchService = {
  readonly base: string;
  readonly process: ChildProcess;
  /** The service's own login, for the floor. */
  readonly databaseUrl: string;
  /** The login that owns the schema. */
  readonly ownerUrl: string;
  /** Holds the row of a proposal in a transaction until the returned function is called. */
  readonly lockProposal: (proposalId: string) => Promise<() => Promise<void>>;
  readonly stop: () => Promise<void>;
};

/** A built service in a process of its own, on a PostgreSQL of its own that is thrown away afterwards. */
export async function startBenchService(
  poolMax: number,
  nodeOptions: readonly string[] = [],
): Promise<BenchService> {
  const folder = await mkdtemp(join(tmpdir(), "ballast-bench-"));
  const database = await openEmbeddedDatabase({
    folder: join(folder, "postgres"),
    log: (message) => process.stderr.write(`${message}\n`),
    onGone: (reason) => process.stderr.write(`${reason.message}\n`),
  });
  const child = spawn(process.execPath, [...nodeOptions, "dist/main.js"], {
    env: {
      ...process.env,
      PORT: "0",
      LOG_LEVEL: "error",
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
    process: child,
    databaseUrl: database.url,
    ownerUrl: database.migrationUrl,
    lockProposal: (proposalId) => lockProposal(database.migrationUrl, proposalId),
    stop: async () => {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
      child.kill("SIGTERM");
      await ended;
      await database.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function lockProposal(ownerUrl: string, proposalId: string): Promise<() => Promise<void>> {
  const sql = postgres(ownerUrl, { max: 1 });
  const connection = await sql.reserve();
  await connection`BEGIN`;
  await connection`SELECT 1 FROM proposal WHERE proposal_id = ${proposalId} FOR UPDATE`;
  return async () => {
    await connection`ROLLBACK`;
    connection.release();
    await sql.end();
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
