import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Database } from "../../platform/database/database.ts";
import { readEventually, type EventualReads } from "../../platform/database/read-eventually.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import type { RequestContext } from "../../platform/http/context.ts";
import { cursorOf, TimePosition } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  limitFilter,
  nameFilter,
  oneOfFilter,
  pathParams,
  timestampFilter,
} from "../../platform/http/filters.ts";
import { problemReply, type Reply } from "../../platform/http/problem.ts";
import { behindSwitch, route, type Route } from "../../platform/http/route.ts";
import { RunStatus } from "../../contract/rules.ts";
import {
  DpmRunArtifactResponse,
  DpmRunIdempotencyHistoryResponse,
  DpmRunIdempotencyLookupResponse,
  DpmRunListResponse,
  DpmRunLookupResponse,
  DpmRunReproduceResponse,
} from "./schemas.ts";
import { artifactDocument, lookupDocument } from "./documents.ts";
import {
  findKeyMapping,
  findRun,
  listKeyHistory,
  listRuns,
  type RunKey,
  type StoredRun,
} from "./repository.ts";
import { reproduce } from "./reproduce.ts";

export type RunRouteDeps = {
  readonly database: Database;
  /** For lists, which may lag behind. */
  readonly reads: EventualReads;
  readonly engineVersion: string;
  readonly switches: {
    readonly areSupportApisEnabled: boolean;
    readonly areArtifactsEnabled: boolean;
    readonly areIdempotencyHistoryApisEnabled: boolean;
  };
};

const TAG = "Runs";
const RUN_NOT_FOUND = { status: 404, detail: "DPM_RUN_NOT_FOUND" };
const KEY_NOT_FOUND = { status: 404, detail: "DPM_IDEMPOTENCY_KEY_NOT_FOUND" };
const INCONSISTENT = { status: 503, detail: "DPM_IDEMPOTENCY_STORE_INCONSISTENT", retryAfterSeconds: 1 };
const MOST_ITEMS = 200;
const USUAL_ITEMS = 50;

export function runRoutes(deps: RunRouteDeps): Route[] {
  const { areSupportApisEnabled, areArtifactsEnabled, areIdempotencyHistoryApisEnabled } = deps.switches;
  return [
    ...behindSwitch(areSupportApisEnabled, "DPM_SUPPORT_APIS_DISABLED", [
      listRoute(deps),
      lookupRoute(
        deps,
        "/rebalance/runs/{rebalance_run_id}",
        "getRun",
        "One run with its whole result",
        "id",
      ),
      lookupRoute(
        deps,
        "/rebalance/runs/by-correlation/{correlation_id}",
        "getRunByCorrelation",
        "The latest run of a correlation id",
        "correlation_id",
      ),
      lookupRoute(
        deps,
        "/rebalance/runs/by-request-hash/{request_hash}",
        "getRunByRequestHash",
        "The latest run of a request hash",
        "request_hash",
      ),
      keyRoute(deps),
      reproduceRoute(deps),
    ]),
    ...behindSwitch(areArtifactsEnabled, "DPM_ARTIFACTS_DISABLED", [artifactRoute(deps)]),
    ...behindSwitch(areIdempotencyHistoryApisEnabled, "DPM_IDEMPOTENCY_HISTORY_APIS_DISABLED", [
      historyRoute(deps),
    ]),
  ];
}

/** Reads decide what a caller does next, so they see every write that was answered: they go to the primary. */
function read<T>(deps: RunRouteDeps, context: RequestContext, work: (tx: Tx) => Promise<T>): Promise<T> {
  return inTransaction(deps.database, { tenantId: context.tenantId, readOnly: true }, work);
}

async function withRun(
  deps: RunRouteDeps,
  context: RequestContext,
  key: RunKey,
  document: (run: StoredRun) => string,
  withArtifact = false,
): Promise<Reply> {
  const run = await read(deps, context, (tx) => findRun(tx, context.tenantId, key, withArtifact));
  return run === undefined ? problemReply(context, RUN_NOT_FOUND) : { status: 200, body: document(run) };
}

function lookupRoute(
  deps: RunRouteDeps,
  path: string,
  operationId: string,
  summary: string,
  by: Exclude<RunKey["by"], "idempotency_key">,
): Route {
  const name = by === "id" ? "rebalance_run_id" : by;
  return route({
    method: "GET",
    path,
    operationId,
    tag: TAG,
    summary,
    params: pathParams(name),
    answers: { 200: { description: "The run.", schema: DpmRunLookupResponse } },
    problems: [RUN_NOT_FOUND],
    handle: ({ context, params }) => withRun(deps, context, { by, value: params[name] }, lookupDocument),
  });
}

const runCursor = cursorOf("runs", TimePosition);

function listRoute(deps: RunRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/runs",
    operationId: "listRuns",
    tag: TAG,
    summary: "Runs, newest first",
    query: filters({
      from: timestampFilter,
      to: timestampFilter,
      status: oneOfFilter(RunStatus),
      request_hash: nameFilter,
      portfolio_id: nameFilter,
      limit: limitFilter(MOST_ITEMS, USUAL_ITEMS),
      cursor: cursorFilter(runCursor),
    }),
    answers: { 200: { description: "One page of runs.", schema: DpmRunListResponse } },
    handle: async ({ context, query }) => {
      const { tenantId } = context;
      const found = await readEventually(deps.reads, { tenantId }, (tx) =>
        listRuns(
          tx,
          tenantId,
          {
            from: query.from,
            to: query.to,
            status: query.status,
            requestHash: query.request_hash,
            portfolioId: query.portfolio_id,
          },
          query.cursor,
          query.limit + 1, // one more tells whether there is another page
        ),
      );
      const items = found.slice(0, query.limit);
      const last = found.length > items.length ? items.at(-1) : undefined;
      const next =
        last && runCursor.encode(tenantId, { createdAt: last.created_at, id: last.rebalance_run_id });
      return { status: 200, body: canonicalJson({ items, next_cursor: next ?? null }) };
    },
  });
}

function keyRoute(deps: RunRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/runs/idempotency/{idempotency_key}",
    operationId: "getRunByIdempotencyKey",
    tag: TAG,
    summary: "The run that a key of simulate maps to",
    params: pathParams("idempotency_key"),
    answers: { 200: { description: "The mapping.", schema: DpmRunIdempotencyLookupResponse } },
    problems: [KEY_NOT_FOUND, INCONSISTENT],
    handle: async ({ context, params }) => {
      const mapping = await read(deps, context, (tx) =>
        findKeyMapping(tx, context.tenantId, params.idempotency_key),
      );
      if (mapping === undefined) return problemReply(context, KEY_NOT_FOUND);
      if (mapping.rebalance_run_id === null) return problemReply(context, INCONSISTENT);
      return { status: 200, body: canonicalJson(mapping) };
    },
  });
}

function historyRoute(deps: RunRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/idempotency/{idempotency_key}/history",
    operationId: "getIdempotencyHistory",
    tag: TAG,
    summary: "Every run that a key led to, oldest first",
    params: pathParams("idempotency_key"),
    answers: { 200: { description: "The history.", schema: DpmRunIdempotencyHistoryResponse } },
    problems: [KEY_NOT_FOUND],
    handle: async ({ context, params: { idempotency_key } }) => {
      const history = await read(deps, context, (tx) =>
        listKeyHistory(tx, context.tenantId, idempotency_key),
      );
      if (history.length === 0) return problemReply(context, KEY_NOT_FOUND);
      return { status: 200, body: canonicalJson({ history, idempotency_key }) };
    },
  });
}

function artifactRoute(deps: RunRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/runs/{rebalance_run_id}/artifact",
    operationId: "getRunArtifact",
    tag: TAG,
    summary: "The artifact of a run: the same bytes and hash whenever it is read",
    params: pathParams("rebalance_run_id"),
    answers: { 200: { description: "The artifact.", schema: DpmRunArtifactResponse } },
    problems: [RUN_NOT_FOUND],
    handle: ({ context, params }) =>
      withRun(deps, context, { by: "id", value: params.rebalance_run_id }, artifactDocument, true),
  });
}

function reproduceRoute(deps: RunRouteDeps): Route {
  return route({
    method: "POST",
    path: "/rebalance/runs/{rebalance_run_id}/reproduce",
    operationId: "reproduceRun",
    tag: TAG,
    summary: "Execute the stored input again and compare with the stored result",
    params: pathParams("rebalance_run_id"),
    answers: { 200: { description: "Whether it came out the same.", schema: DpmRunReproduceResponse } },
    problems: [RUN_NOT_FOUND],
    handle: ({ context, params }) =>
      withRun(deps, context, { by: "id", value: params.rebalance_run_id }, (run) =>
        canonicalJson(reproduce(run, deps.engineVersion)),
      ),
  });
}
