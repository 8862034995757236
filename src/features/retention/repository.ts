import type { Tx } from "../../platform/database/transaction.ts";

/** What a retention is about: runs with what belongs to them, finished operations, or events of the feed. */
export type RetentionKind = "RUN" | "OPERATION" | "EVENT";

/** A retention as the database records it; `retention_seconds` null: for ever. `set_by` names a process. */
export type RetentionSetting = {
  readonly retention_seconds: number | null;
  readonly set_by: string;
  readonly set_at: string;
};

/**
 * Records how long this process stores things (null: for ever) and returns what rules: the longest retention of the
 * processes that were heard within a day.
 */
export async function announceRetention(
  tx: Tx,
  kind: RetentionKind,
  setBy: string,
  seconds: number | null,
): Promise<RetentionSetting> {
  const [ruling] = await tx<RetentionSetting>`
    select retention_seconds::float8 as retention_seconds, set_by, set_at
      from announce_retention(${kind}, ${setBy}, ${seconds}::bigint)`;
  if (ruling === undefined) throw new Error(`no retention is recorded for ${kind}`);
  return ruling;
}

/** Whether a process has said how long it stores things, within the day for which that is kept. */
export async function hasAnnounced(tx: Tx, setBy: string): Promise<boolean> {
  const rows = await tx`select from retention_setting where set_by = ${setBy} limit 1`;
  return rows.length > 0;
}

/**
 * One batch of a purge, across tenants: a function of the database, which deletes nothing but what is past the retention
 * that rules, by the database's clock. Returns how many of what it is about are gone, fewer than `limit` where none is
 * left, null where another process is at a purge.
 */
export type Deletion = (tx: Tx, limit: number) => Promise<number | null>;

type Purged = { readonly purged: number | null };

const purgedOf = ([row]: readonly Purged[]): number | null => row?.purged ?? null;

/** Runs, with all that belongs to them. Their keys can be used again. */
export const deleteRuns: Deletion = async (tx, limit) =>
  purgedOf(await tx<Purged>`select purge_runs(${limit}) as purged`);

/** The keys of analyses, which are stored as long as runs are, and as long as the operation that they started. */
export const deleteAnalysisKeys: Deletion = async (tx, limit) => {
  const scopes = ["rebalance.analyze", "rebalance.analyze.async"];
  return purgedOf(await tx<Purged>`select purge_keys(${scopes}::text[], ${limit}) as purged`);
};

/** The keys of simulated proposals, which made nothing: they are stored as long as runs are. */
export const deleteSimulationKeys: Deletion = async (tx, limit) =>
  purgedOf(await tx<Purged>`select purge_keys(${["proposals.simulate"]}::text[], ${limit}) as purged`);

/** Finished operations. What they made stays, and so do the keys of proposals: no retry acts twice. */
export const deleteOperations: Deletion = async (tx, limit) =>
  purgedOf(await tx<Purged>`select purge_operations(${limit}) as purged`);

/** Waves that are over for as long as runs are stored, with all that belongs to them. */
export const deleteWaves: Deletion = async (tx, limit) =>
  purgedOf(await tx<Purged>`select purge_waves(${limit}) as purged`);

/** Portfolios that were sent for a wave and never became items. */
export const deleteUploads: Deletion = async (tx, limit) =>
  purgedOf(await tx<Purged>`select purge_uploads(${limit}) as purged`);

/** Stored refusals that have expired. */
export const deleteRefusals: Deletion = async (tx, limit) =>
  purgedOf(await tx<Purged>`select purge_refusals(${limit}) as purged`);

/** Events of the feed, the oldest of each tenant. */
export const deleteEvents: Deletion = async (tx, limit) =>
  purgedOf(await tx<Purged>`select purge_events(${limit}) as purged`);
