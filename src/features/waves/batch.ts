import type { Clock } from "../../platform/clock.ts";
import type { LeaseTerms } from "../../platform/leases/lease.ts";
import type { Runtime } from "../../runtime.ts";
import type { ClaimedItem } from "./repository/leases.ts";
import type { Outcome } from "./write-ends.ts";

/** Items of one wave that a process has taken together, each under a lease of its own. */
export type Batch = {
  readonly tenantId: string;
  readonly waveId: string;
  readonly items: readonly ClaimedItem[];
};

export type Outcomes = ReadonlyMap<string, Outcome>;

/** Called at the moments that are worth counting or logging. */
export type BatchHooks = {
  readonly onRuns: (statuses: readonly string[]) => void;
  readonly onBatchEnd: (batch: Batch, outcomes: Outcomes) => void;
  readonly onItemError: (batch: Batch, itemKey: string | null, error: unknown) => void;
  readonly onLeaseError: (batch: Batch, error: unknown) => void;
};

export type BatchDeps = Pick<Runtime, "config" | "database" | "calculations" | "newId" | "engineVersion"> & {
  readonly clock: Clock;
  readonly terms: LeaseTerms;
  readonly random: () => number;
  /** How long failures of the database are followed by another attempt, from the first of them on. */
  readonly retryForMs: number;
  readonly hooks: BatchHooks;
};
