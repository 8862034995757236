import type postgres from "postgres";
import type { Connection } from "./connection.ts";
import { plainError, translateError, type DatabaseError, type DatabaseFaultKind } from "./errors.ts";

/** What a statement returns: its rows, and how many rows it touched. */
export type Rows<Row> = readonly Row[] & { readonly count: number };

type Statement<Row extends object> = postgres.PendingQuery<Row[]>;
type Reply<Row> = Rows<Row> & { readonly command: string };

/**
 * The only way by which the statements of one unit of work reach its connection. Once it is shut, every statement that
 * is under way and every later one is rejected at once with the same error, and none is sent.
 */
export type Fence = {
  /**
   * Sends a statement behind those already sent. The promise may be dropped: its failure is kept in `firstFailure`.
   * `onFailure` is called before anything else comes to know of it.
   */
  readonly send: <Row extends object>(
    statement: () => Statement<Row>,
    onFailure?: (error: DatabaseError) => void,
  ) => Promise<Reply<Row>>;
  readonly shut: (error: DatabaseError) => void;
  /** The transaction is over: a statement from now on is a mistake of the calling code and is refused. */
  readonly end: () => void;
  readonly shutBy: () => DatabaseError | undefined;
  /** The first statement that failed: after it the server takes nothing more in this transaction. */
  readonly firstFailure: () => DatabaseError | undefined;
  /** Resolves once no statement is under way. */
  readonly whenIdle: () => Promise<void>;
  /** Rejects when the fence is shut; never resolves. */
  readonly whenShut: Promise<never>;
};

const ENDS_CONNECTION: ReadonlySet<DatabaseFaultKind> = new Set(["connection_lost", "restarting"]);

/**
 * A connection on which a reply is due and nothing comes for `replyTimeoutMs` is half open: `onTimeout` destroys it,
 * which shuts the fence. The server itself ends a statement earlier than that, by statement_timeout.
 */
export function createFence(connection: Connection, replyTimeoutMs: number, onTimeout: () => void): Fence {
  const pending = new Set<(error: DatabaseError) => void>();
  const idleWaiters: (() => void)[] = [];
  let failure: DatabaseError | undefined;
  let shutBy: DatabaseError | undefined;
  let hasEnded = false;
  const shutting = rejectable();
  const restartReplyTimer = replyTimer(replyTimeoutMs, onTimeout);

  function shut(error: DatabaseError): void {
    if (shutBy !== undefined) return;
    shutBy = error;
    for (const reject of [...pending]) reject(error);
    shutting.reject(error);
  }

  /** False: the statement was rejected before its reply came, because the fence was shut. */
  function remove(reject: (error: DatabaseError) => void): boolean {
    if (!pending.delete(reject)) return false;
    restartReplyTimer(pending.size > 0);
    if (pending.size === 0) for (const resolve of idleWaiters.splice(0)) resolve();
    return true;
  }

  function send<Row extends object>(
    statement: () => Statement<Row>,
    onFailure?: (error: DatabaseError) => void,
  ): Promise<Reply<Row>> {
    const refused = shutBy ?? (hasEnded ? transactionOver() : undefined);
    if (refused !== undefined) return handled(Promise.reject(refused));
    const reply = new Promise<Reply<Row>>((resolve, reject) => {
      const fail = (error: DatabaseError): void => {
        failure ??= error;
        onFailure?.(error);
        if (remove(fail)) reject(error);
      };
      pending.add(fail);
      restartReplyTimer(true);
      execute(statement).then(
        (rows) => {
          if (remove(fail)) resolve(rows);
        },
        (error: unknown) => {
          const failed = translateError(error);
          if (ENDS_CONNECTION.has(failed.fault.kind)) connection.destroy(failed);
          fail(failed);
        },
      );
    });
    return handled(reply);
  }

  return {
    send,
    shut,
    end: () => {
      hasEnded = true;
    },
    shutBy: () => shutBy,
    firstFailure: () => failure,
    whenIdle: () =>
      pending.size === 0 ? Promise.resolve() : new Promise((resolve) => void idleWaiters.push(resolve)),
    whenShut: shutting.promise,
  };
}

/** Marks the rejection as handled: the caller need not wait for the promise, `firstFailure` keeps the error. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function transactionOver(): DatabaseError {
  return plainError("transaction_over", "a statement came after its transaction was over");
}

/** A statement that cannot be built fails in the same way as one that the server refuses. */
function execute<Row extends object>(statement: () => Statement<Row>): PromiseLike<Reply<Row>> {
  try {
    return statement();
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

/** Restarts at every call, and is stopped while no reply is due. */
function replyTimer(timeoutMs: number, onTimeout: () => void): (isReplyDue: boolean) => void {
  let timer: NodeJS.Timeout | undefined;
  return (isReplyDue) => {
    if (isReplyDue && timer !== undefined) {
      timer.refresh();
      return;
    }
    clearTimeout(timer);
    timer = isReplyDue ? setTimeout(onTimeout, timeoutMs) : undefined;
  };
}

/** A promise that never resolves and is rejected from outside; its rejection counts as handled. */
function rejectable(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise;
  });
  promise.catch(() => undefined);
  return { promise, reject };
}
