import { plainError, type DatabaseError } from "./errors.ts";

export type AdmissionLimits = {
  /** Units of work under way at once. */
  readonly slots: number;
  /** Units of work that may wait for a slot; one more is refused at once. */
  readonly queueLimit: number;
  /** How long one may wait before it is refused. */
  readonly queueWaitMs: number;
};

/** Who asks for a slot, and how long it is of use. */
export type AdmissionRequest = {
  readonly budgetMs: number;
  /** Whose work it is; null: the service's own, which shares as one tenant more. */
  readonly tenantId: string | null;
  /** Aborted when nobody waits for the work any more. */
  readonly signal?: AbortSignal | undefined;
};

export type Admission = {
  /** Takes a slot and returns how it is given back, once; throws `overloaded` or `deadline_exceeded`. */
  readonly enter: (request: AdmissionRequest) => Promise<() => void>;
  readonly inFlight: () => number;
  readonly waiting: () => number;
  /** Resolves when no unit of work is under way. */
  readonly drained: () => Promise<void>;
};

type Waiter = {
  readonly tenantId: string | null;
  readonly admit: () => void;
  readonly refuse: (error: DatabaseError) => void;
};

/**
 * A counting semaphore with a bounded queue: work beyond what the database can take waits here, briefly, or is refused.
 * In the order of arrival, but while others wait, no tenant gets more than half of the slots, nor the places of the queue
 * that another with fewer could have.
 */
export function createAdmission(limits: AdmissionLimits): Admission {
  const queue = new Set<Waiter>();
  const held = new Map<string | null, number>();
  const drainWaiters: (() => void)[] = [];
  const half = Math.max(1, Math.floor(limits.slots / 2));
  let taken = 0;

  async function enter(request: AdmissionRequest): Promise<() => void> {
    if (request.signal?.aborted === true) throw notInTime();
    if (taken < limits.slots) {
      taken += 1;
      hold(request.tenantId, 1);
    } else {
      if (queue.size >= limits.queueLimit) makePlace(queue, request.tenantId);
      await wait(queue, limits.queueWaitMs, request);
    }
    return () => leave(request.tenantId);
  }

  /** The slot goes straight to one who waits, so that nobody who came later can take it. */
  function leave(tenantId: string | null): void {
    hold(tenantId, -1);
    const next = nextWaiter();
    if (next === undefined) {
      taken -= 1;
      if (taken === 0) for (const resolve of drainWaiters.splice(0)) resolve();
      return;
    }
    hold(next.tenantId, 1);
    next.admit();
  }

  /** Who waits longest of those that have less than half; where none has, who waits longest. */
  function nextWaiter(): Waiter | undefined {
    for (const waiter of queue) if ((held.get(waiter.tenantId) ?? 0) < half) return waiter;
    const [first] = queue;
    return first;
  }

  function hold(tenantId: string | null, slots: 1 | -1): void {
    const count = (held.get(tenantId) ?? 0) + slots;
    if (count === 0) held.delete(tenantId);
    else held.set(tenantId, count);
  }

  function drained(): Promise<void> {
    return taken === 0 ? Promise.resolve() : new Promise((resolve) => void drainWaiters.push(resolve));
  }

  return { enter, inFlight: () => taken, waiting: () => queue.size, drained };
}

/** Waits for a slot that somebody gives up. */
function wait(
  queue: Set<Waiter>,
  queueWaitMs: number,
  { tenantId, budgetMs, signal }: AdmissionRequest,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      queue.delete(waiter);
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      settle();
    };
    const waiter: Waiter = {
      tenantId,
      admit: () => end(resolve),
      refuse: (error) => end(() => reject(error)),
    };
    const onAbort = () => waiter.refuse(notInTime());
    const isHurried = budgetMs < queueWaitMs;
    const timer = setTimeout(
      () => waiter.refuse(isHurried ? notInTime() : overloaded("no connection became free in time")),
      isHurried ? budgetMs : queueWaitMs,
    );
    signal?.addEventListener("abort", onAbort);
    queue.add(waiter);
  });
}

/** In a full queue, the latest of the tenant that has most places makes way for one that has fewer, or nobody does. */
function makePlace(queue: Set<Waiter>, tenantId: string | null): void {
  const latest = new Map<string | null, { readonly waiter: Waiter; readonly places: number }>();
  for (const waiter of queue) {
    latest.set(waiter.tenantId, { waiter, places: (latest.get(waiter.tenantId)?.places ?? 0) + 1 });
  }
  const [most] = [...latest.values()].sort((a, b) => b.places - a.places);
  const reason = overloaded("too many units of work wait for a connection");
  if (most === undefined || most.places <= (latest.get(tenantId)?.places ?? 0) + 1) throw reason;
  most.waiter.refuse(reason);
}

function notInTime(): DatabaseError {
  return plainError("deadline_exceeded", "the deadline passed while waiting for a connection");
}

function overloaded(message: string): DatabaseError {
  return plainError("overloaded", message);
}
