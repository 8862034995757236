import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";

/** The user that the PostgreSQL processes run as; null where it is the user of this process. */
export type ServerUser = { uid: number; gid: number; name: string } | null;

/**
 * PostgreSQL refuses to run as root. A service that runs as root starts it as the owner of an existing data
 * folder, else as `postgres`, else as `nobody`. Throws with one clear line when there is no such user.
 */
export function serverUser(dataFolder: string): ServerUser {
  if (process.getuid?.() !== 0) return null;
  const owner = statSync(dataFolder, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0)
    return { uid: owner.uid, gid: owner.gid, name: String(owner.uid) };
  for (const name of ["postgres", "nobody"]) {
    const user = lookUp(name);
    if (user !== null) return user;
  }
  throw new Error(
    "PostgreSQL refuses to run as root, and this system has neither a user postgres nor a user nobody to run it as",
  );
}

function lookUp(name: string): ServerUser {
  try {
    const ask = (flag: string) =>
      Number(execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] }));
    return { uid: ask("-u"), gid: ask("-g"), name };
  } catch {
    return null;
  }
}

/** Whether the user may search every folder from the root down to `path`, by the mode bits. */
export function canReach(user: ServerUser, path: string): boolean {
  if (user === null) return true;
  const { mode, uid, gid } = statSync(path);
  const search = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  if ((mode & search) === 0) return false;
  const parent = dirname(path);
  return parent === path || canReach(user, parent);
}
