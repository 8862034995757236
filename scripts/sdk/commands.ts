import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod";

/** The project. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Where clients are generated; git ignores it. */
export const SDK = `${ROOT}sdk`;
export const DOCUMENT = `${ROOT}docs/openapi.json`;

export type Where = { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> };

/** Runs a program to its end. What it printed is told only when it fails. */
export function run(
  program: string,
  parameters: readonly string[],
  { cwd = ROOT, env = {} }: Where = {},
): void {
  const options = { cwd, env: { ...process.env, ...env }, encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  const { status, stdout, stderr, error } = spawnSync(program, parameters, options);
  if (status === 0) return;
  const said = error?.message ?? `${stdout}\n${stderr}`;
  throw new Error(`${program} ${parameters.slice(0, 3).join(" ")} …: exit code ${String(status)}\n${said}`);
}

/** Whether a program is there. */
export function isThere(program: string, ...parameters: readonly string[]): boolean {
  return spawnSync(program, parameters).status === 0;
}

const Versioned = z.looseObject({ info: z.looseObject({ version: z.string() }) });

/** A client has the version of the document that it was generated from. */
export function documentVersion(): string {
  return Versioned.parse(JSON.parse(readFileSync(DOCUMENT, "utf8"))).info.version;
}
