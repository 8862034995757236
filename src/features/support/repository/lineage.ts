import { sql, type Tx } from "../../../platform/database/transaction.ts";
import { rowsToRead, type PageRequest } from "../../../platform/http/pagination.ts";
import type { DpmLineageEdgeResponse, EdgePosition, LineageEdgeType } from "../schemas.ts";

export type EdgeFilters = {
  readonly edge_type?: LineageEdgeType | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

/**
 * Edges from or to an entity, oldest first. The two directions are two index scans that are merged; an edge from an
 * entity to itself would be one row of the first.
 */
export async function listEdges(
  tx: Tx,
  entityId: string,
  { edge_type, from, to }: EdgeFilters,
  page: PageRequest<EdgePosition>,
): Promise<readonly DpmLineageEdgeResponse[]> {
  const { tenantId, after } = page;
  const wanted = sql`
           ${edge_type === undefined ? sql`` : sql`and edge_type = ${edge_type}`}
           ${from === undefined ? sql`` : sql`and created_at >= ${from}`}
           ${to === undefined ? sql`` : sql`and created_at <= ${to}`}
           ${
             after === undefined
               ? sql``
               : sql`and (created_at, edge_type, source_entity_id, target_entity_id)
                   > (${after.created_at}, ${after.edge_type}, ${after.source_entity_id}, ${after.target_entity_id})`
           }`;
  const order = sql`
     order by created_at, edge_type, source_entity_id, target_entity_id
     limit ${rowsToRead(page)}`;
  return tx<DpmLineageEdgeResponse>`
    select source_entity_id, edge_type, target_entity_id, created_at, metadata
      from ((select source_entity_id, edge_type, target_entity_id, created_at, metadata
               from lineage_edge
              where tenant_id = ${tenantId}
                and source_entity_id = ${entityId}
                    ${wanted}
                    ${order})
            union all
            (select source_entity_id, edge_type, target_entity_id, created_at, metadata
               from lineage_edge
              where tenant_id = ${tenantId}
                and target_entity_id = ${entityId}
                and source_entity_id <> ${entityId}
                    ${wanted}
                    ${order})) as edge
           ${order}`;
}
