import type postgres from "postgres";
import type { Connection } from "./connection.ts";
import { plainError, translateError, type DatabaseError } from "./errors.ts";

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
  /** The transaction is over: whoever sends a statement from now on has made a mistake. */
  readonly end: () => void;
  readonly shutBy: () => DatabaseError | undefined;
  /** The first statement that failed: after it the server takes nothing more in this transaction. */
  readonly firstFailure: () => DatabaseError | undefined;
  /** Settles once no statement is under way. */
  readonly settled: () => Promise<void>;
  /** Rejects when the fence is shut; never resolves. */
  readonly whenShut: Promise<never>;
};

/**
 * A connection that owes a reply and says nothing for `silenceMs` is half open: it is cut, which shuts the fence.
 * The server itself ends a statement earlier than that, by statement_timeout.
 */
export function raiseFence(connection: Connection, silenceMs: number, onSilence: () => void): Fence {
  const pending = new Set<(error: DatabaseError) => void>();
  const idleWaiters: (() => void)[] = [];
  let failure: DatabaseError | undefined;
  let shutBy: DatabaseError | undefined;
  let hasEnded = false;
  const shutting = rejection();
  const listen = silenceGuard(silenceMs, onSilence);

  function shut(error: DatabaseError): void {
    if (shutBy !== undefined) return;
    shutBy = error;
    for (const reject of [...pending]) reject(error);
    shutting.reject(error);
  }

  function settle(reject: (error: DatabaseError) => void): boolean {
    if (!pending.delete(reject)) return false;
    listen(pending.size > 0);
    if (pending.size === 0) for (const resolve of idleWaiters.splice(0)) resolve();
    return true;
  }

  function send<Row extends object>(
    statement: () => Statement<Row>,
    onFailure?: (error: DatabaseError) => void,
  ): Promise<Reply<Row>> {
    const refused = shutBy ?? (hasEnded ? transactionOver() : undefined);
    if (refused !== undefined) return droppable(Promise.reject(refused));
    const reply = new Promise<Reply<Row>>((resolve, reject) => {
      const fail = (error: DatabaseError): void => {
        failure ??= error;
        onFailure?.(error);
        if (settle(fail)) reject(error);
      };
      pending.add(fail);
      listen(true);
      settledBy(statement).then(
        (rows) => {
          if (settle(fail)) resolve(rows);
        },
        (error: unknown) => {
          const failed = translateError(error);
          if (failed.fault.kind === "connection_lost") connection.destroy(failed);
          fail(failed);
        },
      );
    });
    return droppable(reply);
  }

  return {
    send,
    shut,
    end: () => {
      hasEnded = true;
    },
    shutBy: () => shutBy,
    firstFailure: () => failure,
    settled: () =>
      pending.size === 0 ? Promise.resolve() : new Promise((resolve) => void idleWaiters.push(resolve)),
    whenShut: shutting.promise,
  };
}

/** A promise that its holder may let fall: its failure is known otherwise. */
function droppable<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function transactionOver(): DatabaseError {
  return plainError("transaction_over", "a statement came after its transaction was over");
}

/** A statement that cannot even be put together fails as one that the server refuses. */
function settledBy<Row extends object>(statement: () => Statement<Row>): PromiseLike<Reply<Row>> {
  try {
    return statement();
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

/** Restarts at every call, and stands still while no reply is owed. */
function silenceGuard(silenceMs: number, onSilence: () => void): (isReplyOwed: boolean) => void {
  let timer: NodeJS.Timeout | undefined;
  return (isReplyOwed) => {
    if (isReplyOwed && timer !== undefined) {
      timer.refresh();
      return;
    }
    clearTimeout(timer);
    timer = isReplyOwed ? setTimeout(onSilence, silenceMs) : undefined;
  };
}

/** A promise that can only be rejected, from outside, and that nobody has to wait for. */
function rejection(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise;
  });
  promise.catch(() => undefined);
  return { promise, reject };
}
