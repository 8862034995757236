import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { serviceEnv, startService } from "../support/service.ts";

const TSX = createRequire(import.meta.url).resolve("tsx/cli");
const TOKENS = { AUTH_MODE: "jwt", JWT_DEVELOPMENT: "true" };

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(async () => {
  rmSync(join(inject("testServer").serviceFolder, ".data"), { recursive: true, force: true });
  await db.drop();
});

/** Runs a script in the folder of the service, whose development key it thereby shares. */
async function run(
  script: string,
  ...parameters: string[]
): Promise<{ code: number | null; output: string }> {
  const file = fileURLToPath(new URL(`../../scripts/${script}`, import.meta.url));
  const child = spawn(process.execPath, [TSX, file, ...parameters], {
    cwd: inject("testServer").serviceFolder,
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const read = (chunk: string) => void (output += chunk);
  child.stdout.setEncoding("utf8").on("data", read);
  child.stderr.setEncoding("utf8").on("data", read);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  return { code, output };
}

/** What a step of the table came to: status and code. */
const stepOf = (output: string, title: string) =>
  new RegExp(`${title}\\s*│ (\\d{3})\\s*│ ([^│]*?)\\s*│`).exec(output)?.slice(1).join(" ");

/** What the feed tells of a step. */
const toldOf = (output: string, title: string) =>
  new RegExp(`${title}\\s*│ \\d{3}\\s*│ [^│]*?│ ([^│]*?)\\s*│`).exec(output)?.[1];

describe("the demonstration", () => {
  test.each([
    ["without tokens", {}, "A page of another site approves", "403 HOST_NOT_ALLOWED"],
    ["with tokens", TOKENS, "A stranger without a token approves", "401 UNAUTHENTICATED"],
  ])("goes through %s, and shows who is kept out", async (_name, env, stranger, refusal) => {
    const service = await startService({ env: { ...serviceEnv(db), ...env } });
    const { code, output } = await run("demo/demo.ts", service.url);
    expect([code, output]).toEqual([0, expect.stringContaining("nothing altered, missing or swapped")]);
    expect(stepOf(output, stranger)).toBe(refusal);
    expect(stepOf(output, "The advisor tries to approve it too")).toBe("403 SEGREGATION_OF_DUTIES");
    expect(stepOf(output, "Another tenant looks for it")).toBe("404 PROPOSAL_NOT_FOUND, and not in its list");
    expect(stepOf(output, "Executed")).toBe("200 EXECUTED, by desk_zurich");
    // Each step stands beside what the feed tells of it, and a refused one beside nothing.
    expect(toldOf(output, "The client consents")).toBe("proposal.approved → EXECUTION_READY");
    expect(toldOf(output, "The advisor tries to approve it too")).toBe("");
    expect(toldOf(output, "Executed")).toBe("proposal.transitioned → EXECUTED");
    expect(output).toContain("What the feed tells of them, 14 events:");
    await service.stop();
  });
});

describe("npm run token", () => {
  test("prints a token for the tenant, the actor and the scopes that are named", async () => {
    const service = await startService({ env: { ...serviceEnv(db), ...TOKENS } });
    const { code, output } = await run(
      "token.ts",
      ...["--tenant", "demo", "--actor", "advisor_1", "--scope", "rebalance:read"],
    );
    expect(code).toBe(0);
    const statusOf = async (path: string) => {
      const headers = { authorization: `Bearer ${output.trim()}` };
      return (await fetch(`${service.url}${path}`, { headers })).status;
    };
    expect([await statusOf("/rebalance/runs"), await statusOf("/rebalance/proposals")]).toEqual([200, 403]);
    await service.stop();
  });

  test.each([
    [["--tenant", "demo"], "use: npm run token"],
    [
      ["--tenant", "demo", "--actor", "a", "--scope", "proposals:all"],
      "proposals:all is no scope; there are",
    ],
  ])("of %j says what is wrong", async (parameters, message) => {
    const { code, output } = await run("token.ts", ...parameters);
    expect([code, output]).toEqual([1, expect.stringContaining(message)]);
  });
});
