import { readEventually } from "../../platform/database/read-eventually.ts";
import { pageOfRows, pageText } from "../../platform/http/pagination.ts";
import { switchedBy } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import type { Runtime } from "../../runtime.ts";
import { changeOperation, changeProblems, operationChanges } from "./change-operation.ts";
import { dpmListItem, dpmStatusText, expiryCutoff } from "./core.ts";
import { executeNow } from "./execute-operation.ts";
import type { Operations } from "./operations.ts";
import { readOperation } from "./read-operation.ts";
import { listOperations, type OperationKey, type StoredOperation } from "./repository/operations.ts";
import * as schemas from "./schemas.ts";

type Options = { readonly runtime: Runtime; readonly operations: Operations };

const TYPE = "ANALYZE_SCENARIOS";
const TYPES = [TYPE] as const;
const CHANGES = operationChanges({ scope: "rebalance.operations", code: "DPM" }, TYPES);
const NOT_FOUND = { status: 404, detail: "DPM_ASYNC_OPERATION_NOT_FOUND" };
const NOT_EXECUTABLE = { status: 409, detail: "DPM_ASYNC_OPERATION_NOT_EXECUTABLE" };
const ATTEMPT_FAILED = { status: 503, detail: "DPM_ASYNC_ATTEMPT_FAILED", retryAfterSeconds: 1 };

/** The operations of the discretionary side: how far they are, and their execution by hand. */
export const operationsPlugin: FeaturePlugin<Options> = async (app, { runtime, operations }) => {
  const { areEnabled, isManualExecutionEnabled, ttlSeconds } = runtime.config.rebalance.operations;
  const statusText = statusTexts(runtime);
  app.addHook("onRequest", switchedBy(areEnabled, "DPM_ASYNC_OPERATIONS_DISABLED"));

  app.get(
    "/rebalance/operations",
    { schema: schemas.listOperations },
    async ({ context: { tenantId }, query }, reply) => {
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
    { schema: schemas.getOperation, config: { problems: [NOT_FOUND] } },
    async ({ context, params }, reply) => {
      const key: OperationKey = { by: "operation_id", value: params.operation_id };
      const operation = await readOperation(runtime, context.tenantId, key, TYPES);
      return operation === undefined ? reply.problem(NOT_FOUND) : reply.answer(statusText(operation));
    },
  );

  app.get(
    "/rebalance/operations/by-correlation/:correlation_id",
    { schema: schemas.getOperationByCorrelation, config: { problems: [NOT_FOUND] } },
    async ({ context, params }, reply) => {
      const key: OperationKey = { by: "correlation_id", value: params.correlation_id };
      const operation = await readOperation(runtime, context.tenantId, key, TYPES);
      return operation === undefined ? reply.problem(NOT_FOUND) : reply.answer(statusText(operation));
    },
  );

  await app.register(changes, { runtime });
  await app.register(manualExecution, { runtime, operations });
};

const changes: FeaturePlugin<{ readonly runtime: Runtime }> = (app, { runtime }) => {
  const statusText = statusTexts(runtime);

  app.post(
    "/rebalance/operations/:operation_id/retry",
    { schema: schemas.retryOperation, config: { problems: changeProblems(CHANGES.retry) } },
    async ({ context, params: { operation_id: operationId } }, reply) => {
      const change = CHANGES.retry;
      const outcome = await changeOperation(runtime, context, { change, operationId, statusText });
      return reply.written(change.scope, outcome);
    },
  );

  app.post(
    "/rebalance/operations/:operation_id/cancel",
    { schema: schemas.cancelOperation, config: { problems: changeProblems(CHANGES.cancel) } },
    async ({ context, params: { operation_id: operationId } }, reply) => {
      const change = CHANGES.cancel;
      const outcome = await changeOperation(runtime, context, { change, operationId, statusText });
      return reply.written(change.scope, outcome);
    },
  );

  return Promise.resolve();
};

const manualExecution: FeaturePlugin<Options> = (app, { runtime, operations }) => {
  const { isManualExecutionEnabled } = runtime.config.rebalance.operations;
  const statusText = statusTexts(runtime);
  app.addHook("onRequest", switchedBy(isManualExecutionEnabled, "DPM_ASYNC_MANUAL_EXECUTION_DISABLED"));

  app.post(
    "/rebalance/operations/:operation_id/execute",
    { schema: schemas.executeOperation, config: { problems: [NOT_FOUND, NOT_EXECUTABLE, ATTEMPT_FAILED] } },
    async ({ context: { tenantId }, params: { operation_id } }, reply) => {
      const end = await executeNow(operations, tenantId, { operation_id, operation_type: TYPE });
      if (end === "put_back" || end === "unsettled") return reply.problem(ATTEMPT_FAILED);
      const key: OperationKey = { by: "operation_id", value: operation_id };
      const operation = await readOperation(runtime, tenantId, key, TYPES);
      if (operation === undefined) return reply.problem(NOT_FOUND);
      return end === undefined ? reply.problem(NOT_EXECUTABLE) : reply.answer(statusText(operation));
    },
  );

  return Promise.resolve();
};

function statusTexts({ config }: Runtime): (operation: StoredOperation) => string {
  const { isManualExecutionEnabled } = config.rebalance.operations;
  return (operation) => dpmStatusText(operation, isManualExecutionEnabled);
}
