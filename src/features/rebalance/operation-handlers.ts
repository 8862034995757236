import { ACCEPTED_WORK, type OperationHandlers } from "../operations/handlers.ts";
import { readPackInForce } from "../policies/find-policy-pack.ts";
import { calculateBatch, countRuns, insertBatch } from "./analyze-scenarios.ts";
import type { RebalanceRuntime } from "./simulate-rebalance.ts";

/** The asynchronous form of analyze: the same as the plain one, split where computing ends and writing begins. */
export function analysisHandlers(runtime: RebalanceRuntime): Pick<OperationHandlers, "ANALYZE_SCENARIOS"> {
  const { writes, metrics } = runtime;
  return {
    ANALYZE_SCENARIOS: async ({ tenant_id: tenantId, request }) => {
      const {
        correlation_id: givenCorrelationId,
        policy_pack_id,
        authenticated_subject,
        request_text,
        created_at,
      } = request;
      // As it was when the operation was accepted, whatever has become of the pack since.
      const pack = await readPackInForce(writes.database, tenantId, policy_pack_id, created_at);
      const document = { text: request_text };
      const work = { document, faults: new Map<string, string>(), ...pack, givenCorrelationId };
      const executed = await calculateBatch(runtime, work, ACCEPTED_WORK);
      return {
        write: async (tx) => {
          await insertBatch(tx, tenantId, executed, authenticated_subject);
          return { kind: "succeeded", result_text: executed.resultText, proposal_id: null };
        },
        onCommitted: () => countRuns(metrics, executed),
      };
    },
  };
}
