import { openConnection, type Connection, type ConnectionOptions } from "./connection.ts";
import { pause, within } from "../time-limit.ts";

export type ListenerOptions = {
  readonly connection: ConnectionOptions;
  readonly channel: string;
  /** The most that a connect may take, and the most that LISTEN may take after it. */
  readonly connectTimeoutMs: number;
  /** Something was notified, or may have been while nobody was listening. */
  readonly onNotify: () => void;
  readonly onError: (error: unknown) => void;
};

export type Listener = {
  /** Ends a connect under way at once. Nothing is notified from the call on. */
  readonly stop: () => Promise<void>;
};

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Listens to a channel on a connection of its own, and connects again whenever that is lost. Notifications are only
 * heard by those who listen at that moment, so every new connection calls `onNotify` once: look for yourself.
 */
export function listenTo(options: ListenerOptions): Listener {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = keepListening(options, signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function keepListening(options: ListenerOptions, signal: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    if (await connectAndListen(options, signal)) pauseMs = FIRST_PAUSE_MS;
    await pause(pauseMs, signal);
    pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
  }
}

/** Resolves when the connection is lost or `signal` is aborted: true if it was listening until then. */
async function connectAndListen(options: ListenerOptions, signal: AbortSignal): Promise<boolean> {
  try {
    const connection = await openConnection(options.connection, options.connectTimeoutMs, signal);
    await listen(connection, options, signal);
    return true;
  } catch (error) {
    if (!signal.aborted) options.onError(error);
    return false;
  }
}

async function listen(
  connection: Connection,
  { channel, connectTimeoutMs, onNotify }: ListenerOptions,
  signal: AbortSignal,
): Promise<void> {
  const lost = new Promise<Error>((resolve) => {
    connection.onLost = resolve;
  });
  connection.onNotification = () => {
    if (!signal.aborted) onNotify();
  };
  try {
    signal.throwIfAborted();
    await within({ ms: connectTimeoutMs, signal }, replyToListen(connection, channel, lost));
    connection.onNotification();
    await within({ signal }, lost).catch(() => connection.close());
  } catch (error) {
    connection.destroy(new Error("LISTEN failed", { cause: error }));
    throw error;
  }
}

/** The driver may never settle the statement of a connection that was lost, so the loss ends the wait too. */
async function replyToListen({ client }: Connection, channel: string, lost: Promise<Error>): Promise<void> {
  const loss = lost.then((reason) => {
    throw reason;
  });
  await Promise.race([client`listen ${client(channel)}`, loss]);
}
