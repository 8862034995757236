import type net from "node:net";
import postgres from "postgres";
import { plainError } from "./errors.ts";
import type { ServerAddress } from "./address.ts";
import { gatherWrites, openSocket } from "./socket.ts";
import { within } from "./time-limit.ts";
import { valueTypes } from "./types.ts";

/** How to reach the server, and the limits that every connection carries from its first byte. */
export type ConnectionOptions = {
  readonly server: ServerAddress;
  /** Taken as the start-up parameter `role`; null keeps the login's own. */
  readonly role: string | null;
  readonly applicationName: string;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
};

export type Client = ReturnType<typeof createClient>;

/**
 * One connection: a client of the driver that is given one socket in its life. The driver's habit of reconnecting
 * under a transaction has nothing to reconnect to, so whatever belongs to a lost connection can reach no other.
 */
export type Connection = {
  readonly client: Client;
  readonly openedAt: number;
  isLost: boolean;
  /** Called once, when the socket has gone, by whoever holds the connection at that time. */
  onLost: (reason: Error) => void;
  /** Called with each WARNING of the server. */
  onWarning: (message: string) => void;
  /** Called with each notification of a channel that this connection listens to. */
  onNotification: () => void;
  /** Lets the statements that are sent now leave together. */
  readonly gather: () => void;
  /** Cuts the connection now, whatever it is doing. */
  readonly destroy: (reason: Error) => void;
  /** Says goodbye to the server; for an idle connection. */
  readonly close: () => Promise<void>;
};

const GOODBYE_MS = 1_000;
const KEEPALIVE_S = 10;

/** Opens a connection within `budgetMs` and before `signal` is aborted, or throws a DatabaseError `unavailable`. */
export async function openConnection(
  options: ConnectionOptions,
  budgetMs: number,
  signal?: AbortSignal,
): Promise<Connection> {
  const line: Line = {
    socket: null,
    onClose: () => undefined,
    onWarning: () => undefined,
    onNotification: () => undefined,
  };
  const client = createClient(options, line);
  try {
    await within({ ms: budgetMs, signal }, client`select 1`);
    return connectionOver(line, client);
  } catch (error) {
    abandon(line, client);
    const reason = error instanceof Error ? error.message : String(error);
    throw plainError("unavailable", `no connection to the database: ${reason}`, error);
  }
}

/** The one socket of a client, and who wants to hear of it. */
type Line = {
  socket: net.Socket | null;
  onClose: () => void;
  onWarning: (message: string) => void;
  onNotification: () => void;
};

function createClient(options: ConnectionOptions, line: Line) {
  const driverOptions = {
    max: 1,
    // TLS is spoken by the socket that it is given.
    ssl: false,
    // The driver would end a connection of that age in the middle of a transaction; the pool retires idle ones.
    max_lifetime: null,
    keep_alive: KEEPALIVE_S,
    backoff: () => 0,
    // If the connection goes while the driver looks types up, it rejects a promise that nobody holds.
    fetch_types: false,
    types: valueTypes,
    connection: startupParameters(options),
    onnotice: (notice: postgres.Notice) => {
      if (notice["severity"] === "WARNING") line.onWarning(notice["message"] ?? "");
    },
    onnotify: () => {
      line.onNotification();
    },
    onclose: () => {
      line.onClose();
    },
    socket: () => {
      if (line.socket !== null) throw new Error("the connection closed before it was ready");
      return openSocket(options.server, (socket) => {
        line.socket = socket;
      });
    },
  };
  return postgres(options.server.url, driverOptions);
}

function startupParameters(options: ConnectionOptions) {
  return {
    application_name: options.applicationName,
    search_path: "public, pg_temp",
    TimeZone: "UTC",
    DateStyle: "ISO",
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
    ...(options.role === null ? {} : { role: options.role }),
  };
}

function connectionOver(line: Line, client: Client): Connection {
  const connection: Connection = {
    client,
    openedAt: performance.now(),
    isLost: false,
    onLost: () => undefined,
    onWarning: () => undefined,
    onNotification: () => undefined,
    gather: () => {
      if (line.socket !== null) gatherWrites(line.socket);
    },
    destroy,
    close,
  };
  line.onClose = () => {
    destroy(new Error("the server or the network closed the connection"));
  };
  line.onWarning = (message) => {
    connection.onWarning(message);
  };
  line.onNotification = () => {
    connection.onNotification();
  };
  return connection;

  function destroy(reason: Error): void {
    if (connection.isLost) return;
    connection.isLost = true;
    abandon(line, client);
    connection.onLost(reason);
  }

  async function close(): Promise<void> {
    connection.isLost = true;
    await client.end({ timeout: GOODBYE_MS / 1_000 });
    line.socket?.destroy();
  }
}

/** Cuts the socket and lets the driver reject whatever it still holds. */
function abandon(line: Line, client: Client): void {
  line.socket?.destroy();
  // Could reject only where the driver fails to drop what it holds, and then there is nothing more to end.
  client.end({ timeout: 0 }).catch(() => undefined);
}
