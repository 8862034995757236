import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Log } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import type { Runtime } from "../../runtime.ts";
import type { AttemptDeps, AttemptEnd, AttemptHooks } from "./attempt-operation.ts";
import type { OperationHandlers } from "./handlers.ts";
import { createInFlightAttempts, type InFlightAttempts } from "./in-flight-attempts.ts";
import type { ClaimedOperation } from "./repository/leases.ts";

/** What accepted operations are done with, shared by the worker of a process and by requests that execute one. */
export type Operations = Pick<AttemptDeps, "database" | "clock" | "terms"> & {
  readonly attempts: InFlightAttempts;
};

/** Made once in a process: `handlers` say what each type of operation does. */
export function createOperations(runtime: Runtime, handlers: OperationHandlers): Operations {
  const { config, database, clock } = runtime;
  // New with every start: a lease is never mistaken for that of an earlier life of the process.
  const owner = `${hostname()}-${String(process.pid)}-${randomUUID()}`;
  const terms = { owner, leaseMs: config.worker.leaseMs };
  const { retryForMs } = config.rebalance.operations;
  const hooks = attemptHooks(runtime);
  const deps = { database, clock, random: Math.random, terms, retryForMs, handlers, hooks };
  return { database, clock, terms, attempts: createInFlightAttempts(deps) };
}

/** What is counted and logged of attempts. */
export function attemptHooks({ log, metrics }: { log: Log; metrics: Metrics }): AttemptHooks {
  return {
    onClaim: ({ operation_type: type }) => metrics.workerClaims.inc({ type }),
    onAttemptEnd: (claimed, end, error) => {
      const type = claimed.operation_type;
      metrics.operationAttempts.inc({ type, end });
      if (end === "lease_lost") metrics.leaseLosses.inc({ type });
      const line = { ...logIds(claimed), end, ...(error === undefined ? {} : { err: error }) };
      log[levelOf(end, error)](line, "operation attempted");
    },
    onLeaseError: (claimed, error) => log.warn({ ...logIds(claimed), err: error }, "a lease was not renewed"),
  };
}

function logIds(claimed: ClaimedOperation) {
  return {
    tenantId: claimed.tenant_id,
    correlationId: claimed.correlation_id,
    operationId: claimed.operation_id,
    operationType: claimed.operation_type,
    attempt: claimed.attempt,
  };
}

/** An attempt that failed for no fault of the request is worth a look; the last of them, somebody's time. */
function levelOf(end: AttemptEnd, error: unknown): "info" | "warn" | "error" {
  if (error !== undefined && end === "failed") return "error";
  return error !== undefined || end === "lease_lost" ? "warn" : "info";
}
