import { readEventually } from "../../platform/database/read-eventually.ts";
import { OUTCOME_UNKNOWN } from "../../platform/http/failures.ts";
import { pageOfRows, pageText } from "../../platform/http/pagination.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { Runtime } from "../../runtime.ts";
import { changeOperation, changeProblems, operationChanges } from "./change-operation.ts";
import { dpmListItem, dpmStatusText, expiryCutoff } from "./core.ts";
import { executeNow } from "./execute-operation.ts";
import type { Operations } from "./operations.ts";
import { readOperation } from "./read-operation.ts";
import { listOperations, type OperationKey, type StoredOperation } from "./repository/operations.ts";
import * as schemas from "./schemas.ts";

type Options = Pick<Runtime, "config"> & { readonly operations: Operations };

const TYPE = "ANALYZE_SCENARIOS";
const TYPES = [TYPE] as const;
const CHANGES = operationChanges({ scope: "rebalance.operations", code: "DPM" }, TYPES);
const NOT_FOUND = { status: 404, detail: "DPM_ASYNC_OPERATION_NOT_FOUND" } as const;
const NOT_EXECUTABLE = { status: 409, detail: "DPM_ASYNC_OPERATION_NOT_EXECUTABLE" } as const;
const ATTEMPT_FAILED = { status: 503, detail: "DPM_ASYNC_ATTEMPT_FAILED", retryAfterSeconds: 1 } as const;

/** The operations of the discretionary side: how far they are, and their execution by hand. */
export const operationsPlugin: FeaturePlugin<Options> = async (app, options) => {
  const { areEnabled, isManualExecutionEnabled, ttlSeconds } = options.config.rebalance.operations;
  const statusText = statusTexts(options);
  switchGroup(app, areEnabled, "DPM_ASYNC_OPERATIONS_DISABLED");

  app.get(
    "/rebalance/operations",
    { schema: schemas.listOperations, config: { scope: "rebalance:read" } },
    async ({ runtime, context: { tenantId }, query }, reply) => {
      const { limit, cursor: after, operation_type = TYPE, ...filters } = query;
      const page = { tenantId, after, limit };
      const cutoff = expiryCutoff(runtime.clock(), ttlSeconds);
      const rows = await readEventually(runtime.reads, { tenantId }, (tx) =>
        listOperations(tx, tenantId, { ...filters, operation_type }, cutoff, page),
      );
      const { items, nextCursor } = pageOfRows(rows, page, schemas.operationCursor, (row) => ({
        createdAt: row.created_at,
        id: row.operation_id,
      }));
      const shown = items.map((row) => dpmListItem(row, isManualExecutionEnabled));
      return reply.answer(pageText(shown, nextCursor));
    },
  );

  app.get(
    "/rebalance/operations/:operation_id",
    { schema: schemas.getOperation, config: { scope: "rebalance:read", problems: [NOT_FOUND] } },
    async ({ runtime, context, params }, reply) => {
      const key: OperationKey = { by: "operation_id", value: params.operation_id };
      const operation = await readOperation(runtime, context.tenantId, key, TYPES);
      return operation === undefined ? reply.problem(NOT_FOUND) : reply.answer(statusText(operation));
    },
  );

  app.get(
    "/rebalance/operations/by-correlation/:correlation_id",
    { schema: schemas.getOperationByCorrelation, config: { scope: "rebalance:read", problems: [NOT_FOUND] } },
    async ({ runtime, context, params }, reply) => {
      const key: OperationKey = { by: "correlation_id", value: params.correlation_id };
      const operation = await readOperation(runtime, context.tenantId, key, TYPES);
      return operation === undefined ? reply.problem(NOT_FOUND) : reply.answer(statusText(operation));
    },
  );

  await app.register(changes, options);
  await app.register(manualExecution, options);
};

const changes: FeaturePlugin<Pick<Options, "config">> = (app, options) => {
  const statusText = statusTexts(options);

  app.post(
    "/rebalance/operations/:operation_id/retry",
    {
      schema: schemas.retryOperation,
      config: { scope: "operations:manage", problems: changeProblems(CHANGES.retry) },
    },
    async ({ runtime, context, params: { operation_id: operationId } }, reply) => {
      const change = CHANGES.retry;
      const outcome = await changeOperation(runtime, context, { change, operationId, statusText });
      return reply.written(change.scope, outcome);
    },
  );

  app.post(
    "/rebalance/operations/:operation_id/cancel",
    {
      schema: schemas.cancelOperation,
      config: { scope: "operations:manage", problems: changeProblems(CHANGES.cancel) },
    },
    async ({ runtime, context, params: { operation_id: operationId } }, reply) => {
      const change = CHANGES.cancel;
      const outcome = await changeOperation(runtime, context, { change, operationId, statusText });
      return reply.written(change.scope, outcome);
    },
  );

  return Promise.resolve();
};

const manualExecution: FeaturePlugin<Options> = (app, options) => {
  const { isManualExecutionEnabled } = options.config.rebalance.operations;
  const statusText = statusTexts(options);
  switchGroup(app, isManualExecutionEnabled, "DPM_ASYNC_MANUAL_EXECUTION_DISABLED");

  app.post(
    "/rebalance/operations/:operation_id/execute",
    {
      schema: schemas.executeOperation,
      config: {
        scope: "operations:manage",
        problems: [NOT_FOUND, NOT_EXECUTABLE, ATTEMPT_FAILED, OUTCOME_UNKNOWN],
      },
    },
    async ({ runtime, context: { tenantId }, params: { operation_id } }, reply) => {
      const { database } = runtime;
      const named = { operation_id, operation_type: TYPE } as const;
      const end = await executeNow({ ...options.operations, database }, tenantId, named);
      if (end === "under_way") return reply.problem(OUTCOME_UNKNOWN);
      if (end === "put_back" || end === "unsettled") return reply.problem(ATTEMPT_FAILED);
      const key: OperationKey = { by: "operation_id", value: operation_id };
      const operation = await readOperation(runtime, tenantId, key, TYPES);
      if (operation === undefined) return reply.problem(NOT_FOUND);
      return end === undefined ? reply.problem(NOT_EXECUTABLE) : reply.answer(statusText(operation));
    },
  );

  return Promise.resolve();
};

function statusTexts({ config }: Pick<Runtime, "config">): (operation: StoredOperation) => Text {
  const { isManualExecutionEnabled } = config.rebalance.operations;
  return (operation) => dpmStatusText(operation, isManualExecutionEnabled);
}
