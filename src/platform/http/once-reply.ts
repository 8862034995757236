import type { OnceOutcome } from "../idempotency.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { RequestContext } from "./context.ts";
import { problemReply, type Reply } from "./problem.ts";

/** What a write under a key is known as: in the metrics, and in the code for a record that lost what it points to. */
export type OnceNames = {
  readonly scope: string;
  readonly inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT" | "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT";
};

export type OnceWitness = {
  readonly metrics: Pick<Metrics, "idempotentReplays" | "idempotencyConflicts">;
  readonly log: Log;
};

const COME_BACK_SECONDS = 1;

/** The HTTP answer of a write under a key. A stored answer goes out with the status and the bytes that it had. */
export function onceReply(
  context: RequestContext,
  outcome: OnceOutcome,
  names: OnceNames,
  { metrics, log }: OnceWitness,
): Reply {
  switch (outcome.kind) {
    case "answered":
      if (!outcome.replayed) return outcome.answer;
      metrics.idempotentReplays.inc({ scope: names.scope });
      return { ...outcome.answer, headers: { "idempotent-replayed": "true" } };
    case "conflict":
      metrics.idempotencyConflicts.inc({ scope: names.scope });
      return problemReply(context, {
        status: 409,
        detail: "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch",
      });
    case "in_progress":
      return problemReply(context, {
        status: 409,
        detail: "IDEMPOTENCY_IN_PROGRESS",
        retryAfterSeconds: COME_BACK_SECONDS,
      });
    case "inconsistent":
      log.error(
        { scope: names.scope, tenantId: context.tenantId, correlationId: context.correlationId },
        "an idempotency record points to something that is missing",
      );
      return problemReply(context, {
        status: 503,
        detail: names.inconsistent,
        retryAfterSeconds: COME_BACK_SECONDS,
      });
  }
}

/** The problems that every write under a key may end in, for its documentation. */
export function onceProblems(names: OnceNames) {
  return [
    { status: 409, detail: "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch" },
    { status: 409, detail: "IDEMPOTENCY_IN_PROGRESS" },
    { status: 503, detail: names.inconsistent },
  ];
}
