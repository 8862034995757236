import type { Database } from "./database.ts";
import {
  databaseFault,
  DatabaseError,
  plainError,
  type DatabaseFault,
  type DatabaseFaultKind,
} from "./errors.ts";
import type { Fence, Rows } from "./fence.ts";
import { hasLargeValue, sendLargeValues } from "./large-values.ts";
import { acquire, discardConnections } from "./pool.ts";
import { pause, within } from "../time-limit.ts";
import { endUnit, startUnit, type Unit, type UnitLimits } from "./unit.ts";
import { statement, type SqlValue } from "./values.ts";

export type { Rows } from "./fence.ts";
export { sql, type SqlFragment, type SqlValue } from "./values.ts";

/**
 * Sends one statement: tx<RunRow>`select … where run_id = ${runId}`. Statements called without awaiting the one
 * before go out together and run in the order of the calls. A statement that failed leaves the transaction nothing
 * but to roll back, also when its error is caught.
 */
export type Tx = <Row extends object = Record<string, never>>(
  strings: TemplateStringsArray,
  ...values: readonly SqlValue[]
) => Promise<Rows<Row>>;

export type TransactionContext = {
  /** Row-level security shows and takes rows of this tenant only; null: of none. */
  readonly tenantId: string | null;
  /** One snapshot for all its reads, and no write. */
  readonly readOnly?: boolean;
  /** Of a read that sends all its statements before it waits for any: COMMIT is pipelined behind them. */
  readonly pipelineCommit?: boolean;
  /** From now until the unit of work is over, waiting and retries included. */
  readonly deadlineMs?: number;
};

/** Faults after which nothing was written and the same work may well succeed. */
const RETRYABLE: ReadonlySet<DatabaseFaultKind> = new Set([
  "serialization_failure",
  "deadlock",
  "stale_statement",
  "connection_lost",
  "unavailable",
  "restarting",
  "too_many_connections",
  // The primary has moved: the next attempt opens a connection to where it is now.
  "read_only",
]);
/** Refused only because an earlier statement failed, and that one says why. */
const IN_FAILED_TRANSACTION = "25P02";
const MAX_ATTEMPTS = 6;
const BASE_BACKOFF_MS = 10;

/**
 * Runs `work` in one transaction: everything it wrote is committed when this resolves, nothing when it rejects, except
 * for `commit_outcome_unknown`, where either may be true and only a look on a fresh connection tells. An error thrown
 * by `work` rolls back and is passed on. After a serialization failure, a deadlock or a connection lost before COMMIT
 * the whole of `work` runs again, a bounded number of times within the deadline, so it must do nothing but statements.
 * It ends by the deadline, its own or the database's, also when the database does not answer; a COMMIT under way then
 * is waited for a little longer.
 */
export async function inTransaction<T>(
  database: Database,
  context: TransactionContext,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const outcome = await runTransaction(database, context, work);
  if (!outcome.isCommitted) throw outcome.error;
  return outcome.result;
}

/** What a transaction came to. Not known to be committed: its COMMIT was sent, and its reply never came. */
export type TransactionOutcome<T> =
  | { readonly isCommitted: true; readonly result: T }
  | { readonly isCommitted: false; readonly result: T; readonly error: DatabaseError };

/** As `inTransaction`, but a COMMIT of unknown outcome is returned, together with what the work came to. */
export async function runTransaction<T>(
  database: Database,
  context: TransactionContext,
  work: (tx: Tx) => Promise<T>,
): Promise<TransactionOutcome<T>> {
  const { signal, endsAt: latestEnd = Infinity } = database.deadline ?? {};
  const ownEnd = performance.now() + (context.deadlineMs ?? database.limits.deadlineMs);
  const endsAt = Math.min(ownEnd, latestEnd);
  const limits: UnitLimits = {
    budgetMs: () => (signal?.aborted === true ? 0 : Math.max(0, endsAt - performance.now())),
    signal,
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const outcome = await runOnce(database, context, work, limits);
      if (!outcome.isCommitted) database.hooks.onFault?.(outcome.error.fault.kind);
      else if (context.readOnly !== true) database.writeHealth.committed();
      return outcome;
    } catch (thrown) {
      const error = orOwnMistake(context, thrown);
      const fault = databaseFault(error);
      if (fault !== undefined) noteFault(database, fault);
      const kind = fault?.kind;
      // Jitter, so that transactions that conflicted do not run at the same time again.
      const backoffMs = BASE_BACKOFF_MS * 2 ** attempt * (0.5 + Math.random());
      const isLast = attempt === MAX_ATTEMPTS || backoffMs >= limits.budgetMs();
      if (kind === undefined || !RETRYABLE.has(kind) || isLast) throw error;
      database.hooks.onRetry?.(kind, attempt);
      await pause(backoffMs, limits.signal);
    }
  }
}

/** That a unit of work writes which was begun as a read is a mistake of its code: any server would refuse it. */
function orOwnMistake({ readOnly }: TransactionContext, error: unknown): unknown {
  const isOurs = readOnly === true && error instanceof DatabaseError && error.fault.sqlState === "25006";
  return isOurs ? new DatabaseError({ kind: "rejected", sqlState: "25006" }, error.message, error) : error;
}

function noteFault({ hooks, writeHealth, pool }: Database, { kind, sqlState }: DatabaseFault): void {
  hooks.onFault?.(kind);
  writeHealth.failed(kind);
  // Said on an open connection, by a server that is no primary any more: the others lead to it too.
  const isDemoted = kind === "read_only" && sqlState !== null;
  if (isDemoted) discardConnections(pool, new Error("the server takes no writes"));
}

async function runOnce<T>(
  database: Database,
  context: TransactionContext,
  work: (tx: Tx) => Promise<T>,
  limits: UnitLimits,
): Promise<TransactionOutcome<T>> {
  const startedAt = performance.now();
  const { budgetMs } = limits;
  if (budgetMs() === 0) throw plainError("deadline_exceeded", "the deadline passed before the work began");
  const { connection, release } = await acquire(database.pool, { ...limits, tenantId: context.tenantId });
  database.hooks.onWait?.(performance.now() - startedAt);
  const unit = startUnit(database, connection, release, limits);
  const statementTimeoutMs = Math.min(budgetMs(), database.limits.statementTimeoutMs);
  begin(unit, context, statementTimeoutMs, database);
  const working = callWork(unit, context, work);
  const pipelined =
    context.readOnly === true && context.pipelineCommit === true ? pipelineCommit(unit) : undefined;
  try {
    const result = await outcomeOfWork(unit, working);
    const ended = endUnit(unit, () => pipelined ?? commit(unit));
    // The COMMIT of a read changes nothing, so its reply is not waited for; the connection is released after it.
    if (context.readOnly === true) {
      ended.catch(() => undefined);
      return { isCommitted: true, result };
    }
    const error = await unknownOutcome(ended);
    return error === undefined ? { isCommitted: true, result } : { isCommitted: false, result, error };
  } catch (error) {
    await endUnit(unit, () => rollBack(unit));
    // The work must have ended before it runs again. Its statements have all failed by now.
    await within({ ms: budgetMs() }, working).catch(() => undefined);
    throw error;
  }
}

/** Why it is not known whether a COMMIT landed; undefined: it did. Any other failure is thrown. */
async function unknownOutcome(committing: Promise<void>): Promise<DatabaseError | undefined> {
  try {
    await committing;
    return undefined;
  } catch (error) {
    if (error instanceof DatabaseError && error.fault.kind === "commit_outcome_unknown") return error;
    throw error;
  }
}

/**
 * Sends BEGIN, the tenant, the trace and the time limit without waiting: the first statements of the work are pipelined behind
 * them. Should the server refuse BEGIN, those statements run without a tenant, so row-level security shows them no row
 * and accepts none; the fence is shut as soon as the refusal is known, and COMMIT is never sent. The reply brings the
 * server's time along.
 */
function begin(
  unit: Unit,
  context: TransactionContext,
  statementTimeoutMs: number,
  { serverClock: clock, traceparent = "" }: Database,
): void {
  const { fence, connection } = unit;
  const { client } = connection;
  const tenantId = context.tenantId ?? "";
  const timeout = String(Math.max(1, Math.ceil(statementTimeoutMs)));
  connection.cork();
  const sentAt = performance.now();
  void fence.send(
    () =>
      context.readOnly === true ? client`begin isolation level repeatable read, read only` : client`begin`,
    fence.shut,
  );
  const prepared = fence.send<{ server_ms: number }>(
    () => client`
      select set_config('app.tenant_id', ${tenantId}, true),
             set_config('app.traceparent', ${traceparent}, true),
             set_config('statement_timeout', ${timeout}, true),
             (extract(epoch from clock_timestamp()) * 1000)::float8 as server_ms`,
    fence.shut,
  );
  prepared.then(
    ([row]) => {
      if (row !== undefined) clock.observe(row.server_ms, sentAt, performance.now());
    },
    () => undefined, // the fence is shut
  );
}

/** `async`, so that work that throws before it returns a promise fails as one that rejects. */
async function callWork<T>(
  unit: Unit,
  { readOnly }: TransactionContext,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const send = sendOn(unit);
  return await work(readOnly === true ? send : sendInParts(unit, send));
}

function sendOn({ fence, connection }: Unit): Tx {
  return <Row extends object>(strings: TemplateStringsArray, ...values: readonly SqlValue[]) => {
    connection.cork();
    return fence.send(() => statement<Row>(connection.client, strings, values));
  };
}

/** Sends large values in parts ahead of their statement. Statements called meanwhile wait, so that their order stays. */
function sendInParts(unit: Unit, send: Tx): Tx {
  return <Row extends object>(strings: TemplateStringsArray, ...values: readonly SqlValue[]) => {
    if (unit.sendingParts === undefined && !hasLargeValue(values)) return send<Row>(strings, ...values);
    const sent = (unit.sendingParts ?? Promise.resolve())
      .then(() => sendLargeValues(send, values))
      .then((sendable) => send<Row>(strings, ...sendable));
    const settled = sent.then(
      () => undefined,
      () => undefined, // the fence keeps the failure
    );
    unit.sendingParts = settled;
    return sent;
  };
}

/** Waits for the work and every statement it sent, awaited or not; throws the first failure of any of them. */
async function outcomeOfWork<T>(unit: Unit, working: Promise<T>): Promise<T> {
  const { fence } = unit;
  try {
    const result = await Promise.race([working, fence.whenShut]);
    await unit.sendingParts;
    await fence.whenIdle();
    throwIfFailed(fence);
    return result;
  } catch (error) {
    const isConsequence = databaseFault(error)?.sqlState === IN_FAILED_TRANSACTION;
    throw fence.shutBy() ?? (isConsequence ? (fence.firstFailure() ?? error) : error);
  }
}

function throwIfFailed(fence: Fence): void {
  const failed = fence.shutBy() ?? fence.firstFailure();
  if (failed !== undefined) throw failed;
}

async function commit(unit: Unit): Promise<void> {
  const { connection, fence } = unit;
  unit.warnings = [];
  const reply = await fence.send(() => {
    unit.isCommitting = true;
    return connection.client`commit`;
  });
  if (reply.command !== "COMMIT") {
    throw plainError("rejected", `COMMIT was answered with ${reply.command}`);
  }
  // The server warns where there was no transaction to commit, or where it stopped waiting for a standby.
  if (unit.warnings.length > 0) {
    throw plainError("commit_outcome_unknown", `COMMIT came with a warning: ${unit.warnings.join("; ")}`);
  }
}

/** Sends COMMIT right behind the statements of a read. It has nothing to write, so a failure of COMMIT loses nothing. */
async function pipelineCommit({ connection, fence }: Unit): Promise<void> {
  const reply = fence.send(() => connection.client`commit`);
  fence.end();
  await reply.catch(() => undefined);
}

/** Rolls back on the server, or destroys the connection, which makes the server roll back too. */
async function rollBack(unit: Unit): Promise<void> {
  const { connection, fence } = unit;
  const rollback = fence.send(() => connection.client`rollback`);
  const isDone = await rollback.then(
    (reply) => reply.command === "ROLLBACK",
    () => false,
  );
  if (!isDone) connection.destroy(new Error("a transaction could not be rolled back"));
}
