import { randomBytes } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { findBinaries, prepareBinaries } from "./binaries.ts";
import { initialise, type Cluster } from "./server.ts";
import { serverUser } from "./server-user.ts";

const SECRET_FILE = "ballast.secret";
const DRAFT = "draft-";
const DRAFT_MAX_AGE_MS = 10 * 60_000;

/** A cluster that is ready to be served, and the password of its superuser. */
export type OwnedCluster = { cluster: Cluster; password: string };

/**
 * Opens the cluster in `folder`, making it on the first call. It is made beside its place and renamed, with its
 * secret in it, so that a process killed half way leaves no half-made cluster, and two processes that start at
 * once end with the same one.
 */
export async function openCluster(folder: string): Promise<OwnedCluster> {
  const packaged = findBinaries();
  const home = resolve(folder);
  makeWritable(home);
  const dataFolder = join(home, "data");
  const user = serverUser(dataFolder);
  const cluster = { dataFolder, binaries: prepareBinaries(packaged, user, dataFolder), user };
  if (!existsSync(dataFolder)) await makeCluster(home, cluster);
  return { cluster, password: readFileSync(join(dataFolder, SECRET_FILE), "utf8") };
}

function makeWritable(folder: string): void {
  try {
    makeFolders(folder);
    rmSync(mkdtempSync(join(folder, "write-")), { recursive: true });
  } catch (error) {
    throw new Error(`EMBEDDED_PG_DIR ${folder} cannot be written: ${reasonOf(error)}`, { cause: error });
  }
}

/** Step by step: the recursive mkdir of Node never returns where the system takes no folder, as below /proc. */
function makeFolders(folder: string): void {
  if (existsSync(folder)) return;
  makeFolders(dirname(folder));
  try {
    // Searchable by all: the server may have to run as another user. What the folder will hold is closed.
    mkdirSync(folder, { mode: 0o755 });
  } catch (error) {
    if (!existsSync(folder)) throw error; // else another process made it meanwhile
  }
}

async function makeCluster(home: string, cluster: Cluster): Promise<void> {
  removeOldDrafts(home);
  const draftHome = mkdtempSync(join(home, DRAFT));
  const draft = { ...cluster, dataFolder: join(draftHome, "data") };
  const password = randomBytes(24).toString("hex");
  try {
    for (const path of [draftHome, draft.dataFolder]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      giveTo(cluster, path);
    }
    await initialise(draft, password);
    writeFileSync(join(draft.dataFolder, SECRET_FILE), password, { mode: 0o600 });
    giveTo(cluster, join(draft.dataFolder, SECRET_FILE));
    renameSync(draft.dataFolder, cluster.dataFolder);
  } catch (error) {
    if (!existsSync(cluster.dataFolder)) throw error; // else another process was first, and its cluster serves
  } finally {
    rmSync(draftHome, { recursive: true, force: true });
  }
}

/** Drafts of processes that were killed; a young one may belong to a process that is at it. */
function removeOldDrafts(home: string): void {
  for (const name of readdirSync(home).filter((entry) => entry.startsWith(DRAFT))) {
    const path = join(home, name);
    const madeAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (Date.now() - madeAt > DRAFT_MAX_AGE_MS) rmSync(path, { recursive: true, force: true });
  }
}

function giveTo({ user }: Cluster, path: string): void {
  if (user !== null) chownSync(path, user.uid, user.gid);
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
