import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";
import { portfolio, portfolios, waveBody } from "../support/waves.ts";
import { withSession } from "../support/session.ts";

const TSX = createRequire(import.meta.url).resolve("tsx/cli");
const SCRIPT = fileURLToPath(new URL("../../scripts/wave/wave.ts", import.meta.url));
const PATIENCE = { timeout: 60_000, interval: 50 };

const folder = mkdtempSync(join(tmpdir(), "ballast-wave-"));
let db: TestDatabase;
let service: RunningService;
let port: string;

beforeAll(async () => {
  db = await testDatabase();
  port = await freePort();
  service = await start();
});
afterAll(async () => {
  await service.stop();
  await db.drop();
  rmSync(folder, { recursive: true });
});

const start = () =>
  startService({
    env: { ...serviceEnv(db), PORT: port, WORKER_LEASE_MS: "1000", WORKER_POLL_MS: "100", WAVE_BATCHES: "1" },
  });

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port was given");
  return String(address.port);
}

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** Sends a file to the service that is there, or will be. */
function sendWave(file: string) {
  const child = spawn(process.execPath, [TSX, SCRIPT, file, "--base", service.url], {
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const read = (chunk: string) => void (output += chunk);
  child.stdout.setEncoding("utf8").on("data", read);
  child.stderr.setEncoding("utf8").on("data", read);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  const says = (text: string | RegExp) => vi.waitFor(() => expect(output).toMatch(text), PATIENCE);
  return { ended, says, output: () => output, interrupt: () => void child.kill("SIGINT") };
}

function count(statement: string): Promise<number> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<{ count: number }>(statement);
    return rows[0]?.count ?? Number.NaN;
  });
}
const waves = () => count("select count(*)::int as count from wave");

describe("npm run wave", () => {
  test("goes on through a kill of the service and a Ctrl-C, and the same name picks the wave up", async () => {
    const file = write("large.json", JSON.stringify(waveBody(portfolios(4_000), { wave_name: "large" })));
    const first = sendWave(file);
    await first.says(/[1-9]\d* of 4000 portfolios.* a second.* s to go/);
    await service.kill();
    service = await start();
    first.interrupt();
    await first.says("The wave goes on without you");
    expect(await first.ended).toBe(130);
    const again = sendWave(file);
    expect([await again.ended, again.output()]).toEqual([
      0,
      expect.stringMatching(
        /large was sent before: it is picked up[^]*COMPLETED[^]*4000: 4000 done, 0 failed/,
      ),
    ]);
    expect(again.output()).toMatch(/EQ_1\s*│ BUY/);
    expect(await waves()).toBe(1);
    expect(await count("select count(*)::int as count from rebalance_run")).toBe(4_000);
  });

  test("takes lines, and says at the end what failed and why", async () => {
    const { portfolios: _, ...head } = waveBody([], { wave_name: "lines" });
    const lines = [head, portfolio("good"), portfolio("bad", "nonsense")];
    const sent = sendWave(write("lines.ndjson", lines.map((line) => JSON.stringify(line)).join("\n")));
    expect(await sent.ended).toBe(0);
    expect(sent.output()).toMatch(/2: 1 done, 1 failed/);
    expect(sent.output()).toMatch(/bad\s*│ VALIDATION_FAILED/);
    expect(sent.output()).toContain("body.portfolio_snapshot.positions.0.quantity");
  });

  test("refuses another content under a name that was sent before, and makes nothing of it", async () => {
    const before = await waves();
    for (const items of [
      portfolios(3),
      portfolios(4),
      portfolios(2),
      [...portfolios(2), portfolio("other")],
    ]) {
      const body = waveBody(items, { wave_name: "named" });
      const sent = sendWave(write("named.json", JSON.stringify(body)));
      const code = await sent.ended;
      if (items.length === 3 && !JSON.stringify(items).includes("other")) expect(code).toBe(0);
      else expect([code, sent.output()]).toEqual([1, expect.stringContaining("needs another name")]);
    }
    expect(await waves()).toBe(before + 1);
  });

  test("says how it is used, and what was refused", async () => {
    const nothing = sendWave("");
    expect([await nothing.ended, nothing.output()]).toEqual([1, expect.stringContaining("ENOENT")]);
    const invalid = sendWave(
      write("invalid.json", JSON.stringify({ wave_name: "invalid", created_by: "me" })),
    );
    expect([await invalid.ended, invalid.output()]).toEqual([1, expect.stringContaining("REQUIRED")]);
  });
});
