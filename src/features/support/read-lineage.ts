import { readEventually, type EventualReads } from "../../platform/database/read-eventually.ts";
import { pageOfRows, type PageRequest } from "../../platform/http/pagination.ts";
import { listEdges, type EdgeFilters } from "./repository/lineage.ts";
import { edgeCursor, type DpmLineageResponse, type EdgePosition } from "./schemas.ts";

/** One page of the edges from or to an entity, oldest first. May lag behind. */
export async function readLineage(
  reads: EventualReads,
  entityId: string,
  filters: EdgeFilters,
  page: PageRequest<EdgePosition>,
): Promise<DpmLineageResponse> {
  const { tenantId } = page;
  const rows = await readEventually(reads, { tenantId }, (tx) => listEdges(tx, entityId, filters, page));
  const { items, nextCursor } = pageOfRows(rows, page, edgeCursor, (edge) => {
    const { created_at, edge_type, source_entity_id, target_entity_id } = edge;
    return { created_at, edge_type, source_entity_id, target_entity_id };
  });
  return { edges: [...items], entity_id: entityId, next_cursor: nextCursor };
}
