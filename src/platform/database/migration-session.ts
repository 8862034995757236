import pg from "pg";
import { messageOf } from "../error-message.ts";
import { nameOf, parseServerAddress, type ServerHost } from "./address.ts";

const CONNECT_TIMEOUT_MS = 10_000;

/** A session on the first of the servers of `url` that takes writes; throws an Error of one line where none does. */
export async function openMigrationSession(url: string): Promise<pg.Client> {
  const { hosts } = parseServerAddress(url);
  const reasons: string[] = [];
  for (const host of hosts) {
    try {
      return await openWritable(host);
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw new Error(reasons.join("; "));
}

async function openWritable(host: ServerHost): Promise<pg.Client> {
  const session = await connect(host);
  try {
    const { rows } = await session.query<{ is_read_only: boolean }>(
      "select current_setting('transaction_read_only')::boolean as is_read_only",
    );
    if (rows[0]?.is_read_only !== false) throw new Error(`${nameOf(host)} takes no writes`);
    return session;
  } catch (error) {
    await abandon(session);
    throw error;
  }
}

/** After a failure that says more than that of the end could. */
async function abandon(session: pg.Client): Promise<void> {
  await session.end().catch(() => undefined);
}

/** What pg says where the server offers no TLS. */
const HAS_NO_TLS = "The server does not support SSL connections";

async function connect(host: ServerHost): Promise<pg.Client> {
  const { tls } = host;
  if (tls === null) return connectOver(host, false);
  try {
    return await connectOver(host, { ...tls.options });
  } catch (error) {
    if (tls.isRequired || messageOf(error) !== HAS_NO_TLS) throw error;
    return connectOver(host, false);
  }
}

async function connectOver({ url }: ServerHost, ssl: pg.ClientConfig["ssl"] & {}): Promise<pg.Client> {
  const session = new pg.Client({
    connectionString: url,
    ssl,
    application_name: "ballast-migrate",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // A session that is lost between two statements fails the next one; unheard, the event would end the process.
  session.on("error", () => undefined);
  try {
    await session.connect();
    return session;
  } catch (error) {
    await abandon(session);
    throw error;
  }
}
