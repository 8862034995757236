import { openConnection, type Connection, type ConnectionOptions } from "./connection.ts";

export type ListenerOptions = {
  readonly connection: ConnectionOptions;
  readonly channel: string;
  readonly connectTimeoutMs: number;
  /** Something was notified, or may have been while nobody was listening. */
  readonly onNotify: () => void;
  readonly onError: (error: unknown) => void;
};

export type Listener = { readonly stop: () => Promise<void> };

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Listens to a channel on a connection of its own, and connects again whenever that is lost. Notifications are only
 * heard by those who listen at that moment, so every new connection calls `onNotify` once: look for yourself.
 */
export function listenTo(options: ListenerOptions): Listener {
  let connection: Connection | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let pauseMs = FIRST_PAUSE_MS;
  let connecting = connect();

  async function connect(): Promise<void> {
    try {
      connection = await openConnection(options.connection, options.connectTimeoutMs);
      connection.onNotification = options.onNotify;
      connection.onLost = connectLater;
      await connection.client`listen ${connection.client(options.channel)}`;
      pauseMs = FIRST_PAUSE_MS;
      options.onNotify();
    } catch (error) {
      if (!isStopped) options.onError(error);
      if (connection === undefined || connection.isLost) connectLater();
      else connection.destroy(new Error("LISTEN was refused"));
    }
  }

  function connectLater(): void {
    connection = undefined;
    if (isStopped || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      connecting = connect();
    }, pauseMs);
    pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
  }

  async function stop(): Promise<void> {
    isStopped = true;
    clearTimeout(timer);
    await connecting;
    await connection?.close();
  }

  return { stop };
}
