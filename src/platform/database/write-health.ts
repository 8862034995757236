import type { DatabaseFaultKind } from "./errors.ts";

/** Whether the server takes writes, as far as the writes of this process tell: a read does not show a full disk. */
export type WriteHealth = {
  /** A unit of work failed. */
  readonly failed: (kind: DatabaseFaultKind) => void;
  /** A write was committed. */
  readonly committed: () => void;
  /** Why the last write failed; null once another was committed, or after a while in which none was tried. */
  readonly fault: () => DatabaseFaultKind | null;
};

/**
 * Failures that are the server's, that other writes are likely to meet too, and that no read would tell of. That a server
 * is read-only, it says itself.
 */
const OF_THE_SERVER: ReadonlySet<DatabaseFaultKind> = new Set([
  "disk_full",
  "out_of_memory",
  "too_many_connections",
]);

/** Whoever is not ready gets no writes by which it could find out that the server has recovered. */
const MEMORY_MS = 10_000;

export function createWriteHealth(monotonicMs = () => performance.now()): WriteHealth {
  let last: { readonly kind: DatabaseFaultKind; readonly at: number } | null = null;
  return {
    failed: (kind) => {
      if (OF_THE_SERVER.has(kind)) last = { kind, at: monotonicMs() };
    },
    committed: () => {
      last = null;
    },
    fault: () => (last !== null && monotonicMs() - last.at < MEMORY_MS ? last.kind : null),
  };
}
