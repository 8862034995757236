import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { Piscina } from "piscina";

/**
 * Work that another thread can do: a pure function, under the name by which that thread finds it. Its input is copied to
 * the thread and its output back, so both are texts and plain values, never a decimal.
 */
export type Calculation<Input, Output> = {
  readonly name: string;
  readonly compute: (input: Input) => Output;
};

export type CalculationTerms = {
  /** Estimated work, in positions that are calculated once. */
  readonly cost: number;
  /** Aborted when nobody waits for the answer any more: the work ends, wherever it is. */
  readonly signal?: AbortSignal | undefined;
  /** Whether it waits for a thread, however many do: for work that was accepted. A request is refused instead. */
  readonly waits?: boolean;
  /** Of work that waits: whether it also gives way to all other, and starts only where a thread is left over. */
  readonly yields?: boolean;
};

/** Where calculations are done: in this thread the small ones, the others in one that nobody else waits for. */
export type Calculations = {
  readonly run: <Input, Output>(
    calculation: Calculation<Input, Output>,
    input: Input,
    terms: CalculationTerms,
  ) => Promise<Output>;
};

/** Why a calculation was not made. `overloaded`: too many wait, or they need more memory than there is. */
export class CalculationError extends Error {
  override readonly name = "CalculationError";
  readonly kind: "overloaded" | "cancelled";

  constructor(kind: "overloaded" | "cancelled", message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

/**
 * What is calculated in the thread that serves HTTP. Reading, calculating and writing take about 30 µs a position
 * (docs/performance.md), so this is the time that every other request may have to wait: 5 ms. Handing it to a thread
 * costs half a millisecond and a second reading.
 */
const INLINE_COST = 150;

/** Everything in this thread: for programs that serve nobody meanwhile. */
export const inlineCalculations: Calculations = {
  run: ({ compute }, input, { signal }) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) throw cancelled();
      resolve(compute(input));
    }),
};

export type ThreadOptions = {
  /** The file that a thread runs: its default export takes a `ThreadTask`. */
  readonly file: URL;
  /** 0: one fewer than there are processors, but two. */
  readonly threads: number;
  /** Calculations that may wait for a thread; one more is refused. */
  readonly queueMax: number;
};

/**
 * What may be ahead of a request for each thread, as a cost: half of the largest batch that is answered at once. Under
 * load it takes some seconds, so what would wait longer is refused at once rather than when its time is up. What the
 * request costs itself does not count, so the largest have the same chance as the others.
 */
const MOST_AHEAD_PER_THREAD = 10_000;

/** What a thread answers as soon as it is loaded. */
export const LOADED: Calculation<null, null> = { name: "be loaded", compute: () => null };

/** One calculation as it is sent to a thread. */
export type ThreadTask = { readonly name: string; readonly input: unknown };

export type OpenThreads = { readonly calculations: Calculations; readonly close: () => Promise<void> };

/** Starts the threads. One is always there, the others come and go with the work. */
export function openThreads({ file, threads, queueMax }: ThreadOptions): OpenThreads {
  const maxThreads = threads === 0 ? Math.max(2, availableParallelism() - 1) : threads;
  const pool = createPool(file, maxThreads);
  // Node aborts the process when a thread is ended while it loads. What is wrong with a thread, its calculations tell.
  const loaded = pool.run({ name: LOADED.name, input: null }).catch(() => undefined);
  const underWay = { calculations: 0, cost: 0 };
  // Work that was accepted can wait, so one thread is always left to those who cannot.
  const accepted = pLimit(Math.max(1, maxThreads - 1));
  // Nobody waits, and one of the threads for accepted work is free.
  const leftOver = createGate(
    () =>
      underWay.calculations < maxThreads &&
      accepted.activeCount + accepted.pendingCount < accepted.concurrency,
  );
  const isRefused = (): boolean =>
    underWay.calculations >= maxThreads &&
    (underWay.calculations - maxThreads >= queueMax || underWay.cost >= maxThreads * MOST_AHEAD_PER_THREAD);
  const send = async <Input, Output>(
    { name }: Calculation<Input, Output>,
    input: Input,
    signal: AbortSignal | undefined,
  ): Promise<Output> => {
    await loaded;
    try {
      const output = await pool.run({ name, input }, { signal: signal ?? null });
      return output as Output; // the thread runs the calculation of this name, which is this one
    } catch (error) {
      throw translate(error);
    }
  };
  const run: Calculations["run"] = async <Input, Output>(
    calculation: Calculation<Input, Output>,
    input: Input,
    terms: CalculationTerms,
  ) => {
    if (terms.cost <= INLINE_COST) return inlineCalculations.run(calculation, input, terms);
    const { cost, signal, waits, yields } = terms;
    if (yields === true) await leftOver.pass();
    if (waits === true)
      return accepted(() => send(calculation, input, signal)).finally(() => setImmediate(leftOver.look));
    if (isRefused()) {
      throw new CalculationError("overloaded", "too much waits for a thread");
    }
    underWay.calculations += 1;
    underWay.cost += cost;
    try {
      return await send(calculation, input, signal);
    } finally {
      underWay.calculations -= 1;
      underWay.cost -= cost;
      leftOver.look();
    }
  };
  const close = async () => {
    await loaded;
    await pool.destroy();
  };
  return { calculations: { run }, close };
}

function createPool(file: URL, maxThreads: number): Piscina<ThreadTask, unknown> {
  return new Piscina<ThreadTask, unknown>({
    filename: file.href,
    minThreads: 1,
    maxThreads,
    idleTimeout: IDLE_MS,
    maxQueue: Infinity, // the bound is for those who can be refused: see `run`
    // Where there are fewer processors than threads, the one that serves HTTP goes first. Only Linux has it by thread.
    niceIncrement: process.platform === "linux" ? NICE : 0,
    // A thread that waits in Atomics.wait does not see that it is to end.
    atomics: "disabled",
  });
}

type Gate = {
  /** Waits behind all who came before, until the gate is open. */
  readonly pass: () => Promise<void>;
  /** It may have opened: lets through who may pass. */
  readonly look: () => void;
};

function createGate(isOpen: () => boolean): Gate {
  const waiting: (() => void)[] = [];

  function look(): void {
    const next = isOpen() ? waiting.shift() : undefined;
    if (next === undefined) return;
    next();
    // Another may pass once this one has begun and been counted.
    setImmediate(look);
  }

  return {
    pass: () =>
      isOpen() && waiting.length === 0
        ? Promise.resolve()
        : new Promise((resolve) => void waiting.push(resolve)),
    look,
  };
}

const IDLE_MS = 60_000;
const NICE = 10;

function translate(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === "AbortError") return cancelled(error);
  const isOutOfMemory = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
  if (!isOutOfMemory) return error;
  return new CalculationError("overloaded", "the calculation needs more memory than a thread has", error);
}

function cancelled(cause?: unknown): CalculationError {
  return new CalculationError("cancelled", "nobody waits for the calculation any more", cause);
}
