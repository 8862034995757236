import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** What the compiled service finds beside itself. */
const NEIGHBOURS = ["package.json", "node_modules", "migrations"];

export type ServiceBuild = { folder: string; remove: () => void };

/**
 * Compiles the service once for the run, into a folder of its own, so that the tests which start it as a process do
 * not compile it again each time. Types are checked elsewhere.
 */
export async function buildService(): Promise<ServiceBuild> {
  const folder = mkdtempSync(join(tmpdir(), "ballast-build-"));
  const compiler = join(PROJECT, "node_modules", "typescript", "bin", "tsc");
  const options = ["--project", "tsconfig.build.json", "--outDir", join(folder, "dist"), "--noCheck"];
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, [compiler, ...options], { cwd: PROJECT }, (error, stdout) => {
      if (error === null) resolve();
      else reject(new Error(`the service does not compile:\n${stdout}`, { cause: error }));
    });
  });
  for (const name of NEIGHBOURS) symlinkSync(join(PROJECT, name), join(folder, name));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
