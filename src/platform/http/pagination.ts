import { canonicalJson } from "../json/canonical-json.ts";
import type { CursorCodec } from "./cursor.ts";

/** One page of a tenant's list as it was asked for. */
export type PageRequest<Position> = {
  readonly tenantId: string;
  /** The last row of the page before; undefined: the list starts. */
  readonly after: Position | undefined;
  readonly limit: number;
};

/** How many rows to read for a page: one more than it shows tells whether there is another. */
export function rowsToRead({ limit }: PageRequest<unknown>): number {
  return limit + 1;
}

/** Cuts rows that were read for a page to what it shows, with the cursor of the next one; null on the last page. */
export function pageOfRows<Row, Position>(
  rows: readonly Row[],
  { tenantId, limit }: PageRequest<Position>,
  cursor: CursorCodec<Position>,
  positionOf: (row: Row) => Position,
): { readonly items: readonly Row[]; readonly nextCursor: string | null } {
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  return { items, nextCursor: last === undefined ? null : cursor.encode(tenantId, positionOf(last)) };
}

/** The answer of most lists. */
export function pageText(items: readonly unknown[], nextCursor: string | null): string {
  return canonicalJson({ items, next_cursor: nextCursor });
}
