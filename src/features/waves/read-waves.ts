import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import type { PageRequest } from "../../platform/http/pagination.ts";
import type { Runtime } from "../../runtime.ts";
import type { WaveEventRow } from "./core/event.ts";
import { CSV_HEADER, csvLine } from "./core/items.ts";
import type { WaveView } from "./core/wave.ts";
import { listEvents } from "./repository/events.ts";
import { listItems, type ItemFilters, type ItemRow } from "./repository/items.ts";
import { findWave } from "./repository/waves.ts";
import { viewWave } from "./view-wave.ts";

/** A wave as of one moment. Its state decides what its caller does next, so it comes from the primary. */
export function readWave(
  { database, clock }: Pick<Runtime, "database" | "clock">,
  tenantId: string,
  waveId: string,
): Promise<WaveView | undefined> {
  return inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    viewWave(tx, tenantId, waveId, clock().toISOString()),
  );
}

/** A page of its items, with one more than it shows where there is another; undefined: there is no such wave. */
export function readItems(
  database: Database,
  waveId: string,
  filters: ItemFilters,
  page: PageRequest<string>,
): Promise<readonly ItemRow[] | undefined> {
  const { tenantId } = page;
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const [wave, items] = await Promise.all([
      findWave(tx, tenantId, waveId),
      listItems(tx, waveId, filters, page),
    ]);
    return wave === undefined ? undefined : items;
  });
}

/** A page of its history, oldest first, as for its items. */
export function readEvents(
  database: Database,
  waveId: string,
  { tenantId, after = 0, limit }: PageRequest<number>,
): Promise<readonly WaveEventRow[] | undefined> {
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const [wave, events] = await Promise.all([
      findWave(tx, tenantId, waveId),
      listEvents(tx, tenantId, waveId, after, limit + 1),
    ]);
    return wave === undefined ? undefined : events;
  });
}

const LINES_AT_ONCE = 1_000;

/** All items as the lines of a file, page by page as its reader takes them. `first`: the first page, read already. */
export async function* itemFile(
  database: Database,
  tenantId: string,
  waveId: string,
  filters: ItemFilters,
  first: readonly ItemRow[],
): AsyncGenerator<string> {
  yield CSV_HEADER;
  for (let rows = first; ;) {
    const shown = rows.slice(0, LINES_AT_ONCE);
    yield shown.map(csvLine).join("");
    const last = shown.at(-1);
    if (rows.length <= LINES_AT_ONCE || last === undefined) return;
    rows = (await readItems(database, waveId, filters, firstPage(tenantId, last.item_key))) ?? [];
  }
}

/** The page with which a file begins, or goes on after a key. */
export function firstPage(tenantId: string, after?: string): PageRequest<string> {
  return { tenantId, after, limit: LINES_AT_ONCE };
}
