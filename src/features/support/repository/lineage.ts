import type { Tx } from "../../../platform/database/transaction.ts";
import { sql } from "../../../platform/database/values.ts";
import type { DpmLineageEdgeResponse, LineageEdgeType } from "../../runs/schemas.ts";

export type EdgeFilters = {
  readonly edgeType: LineageEdgeType | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
};

/** A place in the list of edges: the last edge that was shown. */
export type EdgePosition = Pick<
  DpmLineageEdgeResponse,
  "created_at" | "edge_type" | "source_entity_id" | "target_entity_id"
>;

/**
 * Edges from or to an entity, oldest first, `limit` rows after `after`. The two directions are two index scans that
 * are merged; an edge from an entity to itself would be one row of the first.
 */
export async function listEdges(
  tx: Tx,
  tenantId: string,
  entityId: string,
  filters: EdgeFilters,
  after: EdgePosition | undefined,
  limit: number,
): Promise<readonly DpmLineageEdgeResponse[]> {
  const wanted = sql`
           ${filters.edgeType === undefined ? sql`` : sql`and edge_type = ${filters.edgeType}`}
           ${filters.from === undefined ? sql`` : sql`and created_at >= ${filters.from}`}
           ${filters.to === undefined ? sql`` : sql`and created_at <= ${filters.to}`}
           ${
             after === undefined
               ? sql``
               : sql`and (created_at, edge_type, source_entity_id, target_entity_id)
                   > (${after.created_at}, ${after.edge_type}, ${after.source_entity_id}, ${after.target_entity_id})`
           }
     order by created_at, edge_type, source_entity_id, target_entity_id
     limit ${limit}`;
  return tx<DpmLineageEdgeResponse>`
    select source_entity_id, edge_type, target_entity_id, created_at, metadata
      from ((select source_entity_id, edge_type, target_entity_id, created_at, metadata
               from lineage_edge
              where tenant_id = ${tenantId}
                and source_entity_id = ${entityId}
                    ${wanted})
            union all
            (select source_entity_id, edge_type, target_entity_id, created_at, metadata
               from lineage_edge
              where tenant_id = ${tenantId}
                and target_entity_id = ${entityId}
                and source_entity_id <> ${entityId}
                    ${wanted})) as edge
     order by created_at, edge_type, source_entity_id, target_entity_id
     limit ${limit}`;
}
