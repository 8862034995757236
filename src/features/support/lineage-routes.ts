import * as z from "zod";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { readEventually, type EventualReads } from "../../platform/database/read-eventually.ts";
import { cursorOf, PositionId, PositionTime } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  limitFilter,
  oneOfFilter,
  pathParams,
  timestampFilter,
} from "../../platform/http/filters.ts";
import { behindSwitch, route, type Route } from "../../platform/http/route.ts";
import { DpmLineageResponse, LineageEdgeType } from "../runs/schemas.ts";
import { listEdges, type EdgePosition } from "./repository/lineage.ts";

export type LineageRouteDeps = {
  /** Lineage may lag behind. */
  readonly reads: EventualReads;
  readonly isEnabled: boolean;
};

const edgeCursor = cursorOf<EdgePosition>(
  "lineage",
  z.strictObject({
    created_at: PositionTime,
    edge_type: LineageEdgeType,
    source_entity_id: PositionId,
    target_entity_id: PositionId,
  }),
);

export function lineageRoutes(deps: LineageRouteDeps): Route[] {
  return behindSwitch(deps.isEnabled, "DPM_LINEAGE_APIS_DISABLED", [lineageRoute(deps)]);
}

function lineageRoute(deps: LineageRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/lineage/{entity_id}",
    operationId: "getLineage",
    tag: "Runs",
    summary: "Edges from or to a correlation id, key, run or operation, oldest first",
    params: pathParams("entity_id"),
    query: filters({
      edge_type: oneOfFilter(LineageEdgeType),
      from: timestampFilter,
      to: timestampFilter,
      limit: limitFilter(200, 50),
      cursor: cursorFilter(edgeCursor),
    }),
    answers: { 200: { description: "One page of edges.", schema: DpmLineageResponse } },
    handle: async ({ context, params: { entity_id }, query }) => {
      const { tenantId } = context;
      const wanted = { edgeType: query.edge_type, from: query.from, to: query.to };
      const found = await readEventually(deps.reads, { tenantId }, (tx) =>
        listEdges(tx, tenantId, entity_id, wanted, query.cursor, query.limit + 1),
      );
      const edges = found.slice(0, query.limit);
      const last = found.length > edges.length ? edges.at(-1) : undefined;
      return {
        status: 200,
        body: canonicalJson({
          edges,
          entity_id,
          next_cursor: last ? edgeCursor.encode(tenantId, positionOf(last)) : null,
        }),
      };
    },
  });
}

function positionOf({
  created_at,
  edge_type,
  source_entity_id,
  target_entity_id,
}: EdgePosition): EdgePosition {
  return { created_at, edge_type, source_entity_id, target_entity_id };
}
