import type net from "node:net";
import postgres from "postgres";
import { nameOf, type ServerAddress, type ServerHost, type Target } from "./address.ts";
import { connectError, connectFailure, plainError, sessionEnded, type DatabaseError } from "./errors.ts";
import { onSessionEnd, type SessionEnd } from "./session-end.ts";
import { corkUntilFlush, openSocket } from "./socket.ts";
import { within } from "../time-limit.ts";
import { valueTypes } from "./types.ts";

/** How to reach the servers, and the limits that every connection carries from its first byte. */
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
 * One connection: a client of the driver that is given one socket in its life. The driver reconnects in the middle of
 * a transaction; here it gets no second socket, so no statement of a lost connection can reach another one.
 */
export type Connection = {
  readonly client: Client;
  /** The host that it leads to. */
  readonly host: ServerHost;
  readonly openedAt: number;
  isLost: boolean;
  /** Called once, when the socket has closed, with what the server said of it if it did; set by whoever uses the connection at that time. */
  onLost: (reason: Error) => void;
  /** Called with each WARNING of the server. */
  onWarning: (message: string) => void;
  /** Called with each notification of a channel that this connection listens to. */
  onNotification: () => void;
  /** Lets the statements that are sent in this turn of the event loop leave in one write. */
  readonly cork: () => void;
  /** Closes the socket now, whatever is under way on it. */
  readonly destroy: (reason: Error) => void;
  /** Ends the session in order (Terminate); for an idle connection. */
  readonly close: () => Promise<void>;
};

const CLOSE_TIMEOUT_MS = 1_000;
const TCP_KEEPALIVE_S = 10;

/**
 * Opens a connection to the first of the servers that can be had and is what the address asks for. Ends within `budgetMs`,
 * of which each server gets its share, or when `signal` is aborted. Throws a DatabaseError that says why there is none.
 */
export async function openConnection(
  options: ConnectionOptions,
  budgetMs: number,
  signal?: AbortSignal,
): Promise<Connection> {
  const end = performance.now() + budgetMs;
  const { hosts } = options.server;
  const failures: DatabaseError[] = [];
  for (const [tried, host] of hosts.entries()) {
    const shareMs = Math.max(0, end - performance.now()) / (hosts.length - tried);
    try {
      return await connectTo(host, options, shareMs, signal);
    } catch (error) {
      failures.push(connectError(error, hosts.length === 1 ? null : nameOf(host)));
      if (signal?.aborted === true) break;
    }
  }
  throw connectFailure(failures);
}

/** What the server says of itself when a session begins. */
type ServerState = { readonly is_read_only: boolean; readonly is_standby: boolean };

async function connectTo(
  host: ServerHost,
  options: ConnectionOptions,
  budgetMs: number,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  const transport: Transport = {
    socket: null,
    sessionEnd: null,
    onClose: () => undefined,
    onWarning: () => undefined,
    onNotification: () => undefined,
  };
  const client = createClient(host, options, transport);
  try {
    const [state] = await within(
      { ms: budgetMs, signal },
      client<ServerState[]>`
        select current_setting('transaction_read_only')::boolean as is_read_only,
               pg_is_in_recovery() as is_standby`,
    );
    const { target } = options.server;
    if (state === undefined || !isWanted(target, state)) throw notWanted(target);
    return createConnection(host, transport, client);
  } catch (error) {
    destroyClient(transport, client);
    throw error;
  }
}

function isWanted(target: Target, { is_read_only, is_standby }: ServerState): boolean {
  switch (target) {
    case "any":
      return true;
    case "read-write":
      return !is_read_only;
    case "read-only":
      return is_read_only;
    case "primary":
      return !is_standby;
    case "standby":
      return is_standby;
  }
}

function notWanted(target: Target): DatabaseError {
  const kind = target === "read-write" || target === "primary" ? "read_only" : "unavailable";
  return plainError(kind, `the server is not ${target}`);
}

/** The one socket of a client, and the handlers of its events. */
type Transport = {
  socket: net.Socket | null;
  /** Why the server is about to close it, if it said so. */
  sessionEnd: SessionEnd | null;
  onClose: () => void;
  onWarning: (message: string) => void;
  onNotification: () => void;
};

function createClient(host: ServerHost, options: ConnectionOptions, transport: Transport) {
  const driverOptions = {
    max: 1,
    // TLS is spoken by the socket that it is given.
    ssl: false,
    // The driver would end a connection of that age in the middle of a transaction; the pool retires idle ones.
    max_lifetime: null,
    keep_alive: TCP_KEEPALIVE_S,
    backoff: () => 0,
    // If the connection is lost while the driver looks types up, a rejection stays unhandled and ends the process.
    fetch_types: false,
    types: valueTypes,
    connection: startupParameters(options),
    onnotice: (notice: postgres.Notice) => {
      if (notice["severity"] === "WARNING") transport.onWarning(notice["message"] ?? "");
    },
    onnotify: () => {
      transport.onNotification();
    },
    onclose: () => {
      transport.onClose();
    },
    socket: async () => {
      if (transport.socket !== null) throw new Error("the connection closed before it was ready");
      const session = await openSocket(host, (socket) => {
        transport.socket = socket;
      });
      onSessionEnd(session, (sessionEnd) => {
        transport.sessionEnd = sessionEnd;
      });
      return session;
    },
  };
  return postgres(host.url, driverOptions);
}

/**
 * What a promise rests on is set here for the session: it wins over every setting of role, database and server, also
 * over those that are changed while the session lasts.
 */
function startupParameters(options: ConnectionOptions) {
  return {
    application_name: options.applicationName,
    search_path: "public, pg_temp",
    TimeZone: "UTC",
    DateStyle: "ISO",
    synchronous_commit: "on",
    default_transaction_isolation: "read committed" as const,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
    ...(options.role === null ? {} : { role: options.role }),
  };
}

function createConnection(host: ServerHost, transport: Transport, client: Client): Connection {
  const connection: Connection = {
    client,
    host,
    openedAt: performance.now(),
    isLost: false,
    onLost: () => undefined,
    onWarning: () => undefined,
    onNotification: () => undefined,
    cork: () => {
      if (transport.socket !== null) corkUntilFlush(transport.socket);
    },
    destroy,
    close,
  };
  transport.onClose = () => {
    destroy(new Error("the server or the network closed the connection"));
  };
  transport.onWarning = (message) => {
    connection.onWarning(message);
  };
  transport.onNotification = () => {
    connection.onNotification();
  };
  return connection;

  function destroy(reason: Error): void {
    if (connection.isLost) return;
    connection.isLost = true;
    destroyClient(transport, client);
    // What the server said is the cause of what the socket says after it: reset, broken pipe, closed.
    const { sessionEnd } = transport;
    connection.onLost(
      sessionEnd === null ? reason : sessionEnded(sessionEnd.sqlState, sessionEnd.message, reason),
    );
  }

  async function close(): Promise<void> {
    connection.isLost = true;
    await client.end({ timeout: CLOSE_TIMEOUT_MS / 1_000 });
    transport.socket?.destroy();
  }
}

/** Destroys the socket and lets the driver reject the statements that it still holds. */
function destroyClient(transport: Transport, client: Client): void {
  transport.socket?.destroy();
  // Should it reject, there is nothing left to end: the socket is gone.
  client.end({ timeout: 0 }).catch(() => undefined);
}
