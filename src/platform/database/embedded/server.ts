import { spawn } from "node:child_process";
import {
  chownSync,
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Binaries } from "./binaries.ts";
import { canReach, type ServerUser } from "./server-user.ts";

/** One PostgreSQL data folder with the programs and the user that serve it. */
export type Cluster = { dataFolder: string; binaries: Binaries; user: ServerUser };

/** What a running server says of itself in its lock file. */
export type Postmaster = { pid: number; port: number; status: string };

/** A server process that this process started: `exited` settles with its exit code or signal. */
export type ServerProcess = { exited: Promise<string> };

export const SUPERUSER = "postgres";
const LOG_FILE = "server.log";
const LOG_BYTES = 10 * 1_048_576;
const STOP_SECONDS = 60;

// A write that was acknowledged is on disk: these three are never left to a configuration file.
const DURABLE = { fsync: "on", full_page_writes: "on", synchronous_commit: "on" };

/** Makes an empty cluster, in the character set and collation that depend on nothing of the system. */
export async function initialise(cluster: Cluster, password: string): Promise<void> {
  const passwordFile = `${cluster.dataFolder}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: "wx" });
  if (cluster.user !== null) chownSync(passwordFile, cluster.user.uid, cluster.user.gid);
  const opened = openSync(passwordFile, "r");
  try {
    const options = [
      `--pgdata=${dataPath(cluster)}`,
      `--pwfile=${isReachable(cluster) ? passwordFile : "/proc/self/fd/3"}`,
      `--username=${SUPERUSER}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
    ];
    await runProgram(cluster, "initdb", options, opened);
  } finally {
    closeSync(opened);
    rmSync(passwordFile, { force: true });
  }
}

/**
 * Starts a server on the loopback interface, in a session of its own: Ctrl-C in a terminal goes to the whole
 * foreground process group, and PostgreSQL has to outlive the service's last request.
 */
export function startServer(cluster: Cluster, port: number, settings: Record<string, string>): ServerProcess {
  const all = {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    timezone: "UTC",
    log_timezone: "UTC",
    // Refused statements are the service's to report; their texts may hold what belongs to a client.
    log_min_messages: "log",
    ...settings,
    ...DURABLE,
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const log = openLog(join(cluster.dataFolder, LOG_FILE));
  try {
    const child = spawn(program(cluster, "postgres"), ["-D", dataPath(cluster), ...flags], {
      ...spawnOptions(cluster),
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.unref();
    const exited = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `code ${code ?? "unknown"}`));
    });
    return { exited };
  } finally {
    closeSync(log);
  }
}

/** Keeps what earlier starts had to say, within bounds. */
function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_BYTES) renameSync(path, `${path}.old`);
  return openSync(path, "a", 0o600);
}

/** Ends every session, writes a checkpoint and stops: also a server that an earlier process started. */
export async function stopServer(cluster: Cluster): Promise<void> {
  if (readPostmaster(cluster) === null) return;
  const options = ["-D", dataPath(cluster), "-m", "fast", "-w", "-t", String(STOP_SECONDS)];
  try {
    await runProgram(cluster, "pg_ctl", ["stop", ...options]);
  } catch (error) {
    if (readPostmaster(cluster) !== null) throw error; // else it ended by itself meanwhile
  }
}

/** The server that holds the data folder according to its lock file; null when none does. */
export function readPostmaster(cluster: Cluster): Postmaster | null {
  const [pid, , , port, , , , status] = readLines(join(cluster.dataFolder, "postmaster.pid"));
  if (pid === undefined || !isAlive(Number(pid))) return null;
  return { pid: Number(pid), port: Number(port), status: status?.trim() ?? "starting" };
}

/** The last reason that the server gave in its log for not going on. */
export function lastFatal(cluster: Cluster): string | null {
  const line = readLines(join(cluster.dataFolder, LOG_FILE)).findLast((text) => /(FATAL|PANIC): /.test(text));
  return line?.replace(/^.*?(?:FATAL|PANIC): +/, "") ?? null;
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * The data folder as the server's user can name it. Below a folder that is closed to that user (root's home)
 * only the working directory itself can be reached, which the server enters before it gives up root.
 */
function dataPath(cluster: Cluster): string {
  const { dataFolder, user } = cluster;
  if (isReachable(cluster)) return dataFolder;
  if (process.platform === "linux") return "/proc/self/cwd";
  throw new Error(
    `PostgreSQL has to run as the user ${user?.name ?? "of this process"}, who cannot reach ${dataFolder}: ` +
      "set EMBEDDED_PG_DIR to a folder that it can, or DATABASE_URL",
  );
}

const isReachable = ({ dataFolder, user }: Cluster) => canReach(user, dirname(dataFolder));

const program = (cluster: Cluster, name: string) =>
  join(cluster.binaries.folder, "bin", process.platform === "win32" ? `${name}.exe` : name);

// The environment is not inherited: PGOPTIONS, PGDATA or LD_LIBRARY_PATH of a shell would change the server.
function spawnOptions({ dataFolder, user }: Cluster) {
  return {
    cwd: dataFolder,
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC", HOME: "/" },
    ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
  };
}

function runProgram(cluster: Cluster, name: string, parameters: string[], file?: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program(cluster, name), parameters, {
      ...spawnOptions(cluster),
      detached: true,
      stdio: ["ignore", "ignore", "pipe", file ?? "ignore"],
    });
    let errorText = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (errorText += text));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(`${name} failed (${signal ?? code}): ${errorText.trim().replace(/\s*\n\s*/g, "; ")}`),
        );
    });
  });
}
