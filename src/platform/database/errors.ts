import postgres from "postgres";
import { messageOf } from "../error-message.ts";

/** A fault that names the constraint, so that a caller can tell which key or rule was violated. */
type ConstraintFault = {
  readonly kind: "unique_violation" | "constraint_violation";
  readonly constraint: string;
  readonly table: string;
  readonly sqlState: string;
};

type PlainFault = {
  readonly kind:
    /** No connection could be made. Nothing was written. */
    | "unavailable"
    /** The connection was lost before COMMIT was sent. Nothing was written. */
    | "connection_lost"
    /** The connection was lost, or the deadline passed, while COMMIT was under way: it was written or it was not. */
    | "commit_outcome_unknown"
    /** Too many units of work are waiting. Nothing was written. */
    | "overloaded"
    /** The deadline of this unit of work passed before COMMIT was sent. Nothing was written. */
    | "deadline_exceeded"
    | "lock_timeout"
    | "statement_timeout"
    | "serialization_failure"
    | "deadlock"
    /** The server takes no write: it is a standby, or was told to be read-only (25006). */
    | "read_only"
    /** 53100 */
    | "disk_full"
    /** 53200 */
    | "out_of_memory"
    /** The server or the login has as many connections as it may (53300). */
    | "too_many_connections"
    /**
     * The server shuts down, has crashed or is starting (57P01 to 57P03): no connection could be made, or it ended the
     * session before COMMIT was sent, as it does for an administrator too. Nothing was written.
     */
    | "restarting"
    /** The schema changed under a prepared statement: the next attempt prepares it again. */
    | "stale_statement"
    /** Row-level security or a missing grant (42501). */
    | "not_permitted"
    /** A statement came after its transaction was over: a mistake in the calling code. */
    | "transaction_over"
    /** Any other refusal of a statement by the server or the driver: a mistake in the calling code. */
    | "rejected";
  readonly sqlState: string | null;
};

/** What went wrong in the database, as a value to decide on. */
export type DatabaseFault = ConstraintFault | PlainFault;
export type DatabaseFaultKind = DatabaseFault["kind"];

/** The one error that leaves `src/platform/database`; `fault` says what it means, `cause` what it came from. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly fault: DatabaseFault;

  constructor(fault: DatabaseFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

/** The fault of an error from the database, undefined for any other error. */
export function databaseFault(error: unknown): DatabaseFault | undefined {
  return error instanceof DatabaseError ? error.fault : undefined;
}

export function plainError(kind: PlainFault["kind"], message: string, cause?: unknown): DatabaseError {
  return new DatabaseError({ kind, sqlState: null }, message, cause);
}

/** https://www.postgresql.org/docs/15/errcodes-appendix.html */
const KIND_BY_SQL_STATE: ReadonlyMap<string, PlainFault["kind"]> = new Map([
  ["25006", "read_only"],
  ["40001", "serialization_failure"],
  ["40P01", "deadlock"],
  ["42501", "not_permitted"],
  ["53100", "disk_full"],
  ["53200", "out_of_memory"],
  ["53300", "too_many_connections"],
  ["55P03", "lock_timeout"],
  ["57014", "statement_timeout"],
  ["57P01", "restarting"],
  ["57P02", "restarting"],
  ["57P03", "restarting"],
]);

/** The places of the server that find a prepared statement outdated or gone; the driver forgets it too. */
const STALE_ROUTINES: ReadonlySet<string> = new Set(["RevalidateCachedQuery", "FetchPreparedStatement"]);

/** What the driver rejected a statement with, as an error of ours. */
export function translateError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  if (error instanceof postgres.PostgresError) return translateServerError(error);
  if (isConnectionError(error)) return plainError("connection_lost", "the connection was lost", error);
  return plainError("rejected", error instanceof Error ? error.message : String(error), error);
}

function translateServerError(error: postgres.PostgresError): DatabaseError {
  const sqlState = error.code;
  if (sqlState.startsWith("23")) {
    const kind = sqlState === "23505" ? "unique_violation" : "constraint_violation";
    const constraint = error.constraint_name ?? "";
    return new DatabaseError(
      { kind, constraint, table: error.table_name ?? "", sqlState },
      error.message,
      error,
    );
  }
  if (STALE_ROUTINES.has(error.routine)) {
    return new DatabaseError({ kind: "stale_statement", sqlState }, error.message, error);
  }
  const endsConnection = error.severity === "FATAL" || error.severity === "PANIC";
  if (endsConnection) return sessionEnded(sqlState, error.message, error);
  const kind = KIND_BY_SQL_STATE.get(sqlState) ?? "rejected";
  return new DatabaseError({ kind, sqlState }, error.message, error);
}

/** The server ends a session, and says why. */
export function sessionEnded(sqlState: string, message: string, cause?: unknown): DatabaseError {
  const kind = KIND_BY_SQL_STATE.get(sqlState) === "restarting" ? "restarting" : "connection_lost";
  return new DatabaseError({ kind, sqlState }, message, cause);
}

/** What keeps a server from taking a connection now, as a kind of its own; whatever else does is `unavailable`. */
const REFUSES_CONNECTION: ReadonlySet<DatabaseFaultKind> = new Set([
  "read_only",
  "disk_full",
  "out_of_memory",
  "too_many_connections",
  "restarting",
]);

/** Why no connection could be made to one server; `name` null where there is no other. */
export function connectError(error: unknown, name: string | null): DatabaseError {
  const message = name === null ? messageOf(error) : `${name}: ${messageOf(error)}`;
  if (error instanceof DatabaseError) return new DatabaseError(error.fault, message, error);
  const sqlState = error instanceof postgres.PostgresError ? error.code : null;
  const kind = KIND_BY_SQL_STATE.get(sqlState ?? "");
  const isKnown = kind !== undefined && REFUSES_CONNECTION.has(kind);
  return new DatabaseError({ kind: isKnown ? kind : "unavailable", sqlState }, message, error);
}

/** Why there is no connection to any of the servers: the fault of the first one that has more to say than its absence. */
export function connectFailure(failures: readonly DatabaseError[]): DatabaseError {
  const telling = failures.find(({ fault }) => fault.kind !== "unavailable") ?? failures[0];
  const message = `no connection to the database: ${failures.map(messageOf).join("; ")}`;
  const fault = telling?.fault ?? { kind: "unavailable", sqlState: null };
  return new DatabaseError(fault, message, telling);
}

/** Errors of sockets carry a system call; the driver's own, one of these codes. */
function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return (
    /^(CONNECTION_|CONNECT_TIMEOUT|ERR_STREAM|ERR_SOCKET|ERR_SSL|ERR_TLS)/.test(code) || "syscall" in error
  );
}
