import { ACCEPTED_WORK, type OperationHandlers } from "../operations/handlers.ts";
import { readPolicyPack } from "../policies/find-policy-pack.ts";
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
      } = request;
      const policyPack = await readPolicyPack(writes.database, tenantId, policy_pack_id);
      const document = { text: request_text };
      const work = { document, faults: new Map<string, string>(), policyPack, givenCorrelationId };
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
