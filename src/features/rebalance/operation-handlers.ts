import { BatchRebalanceRequest } from "../../contract/rebalance.ts";
import { readStoredJson } from "../../platform/json/stored-json.ts";
import type { OperationHandlers } from "../operations/handlers.ts";
import { readPolicyPack } from "../policies/find-policy-pack.ts";
import { countRuns, executeBatch, insertBatch, readBatch } from "./analyze-scenarios.ts";
import { optionsReader } from "./core.ts";
import type { RebalanceRuntime } from "./simulate-rebalance.ts";

/** The asynchronous form of analyze: the same as the plain one, split where computing ends and writing begins. */
export function analysisHandlers(runtime: RebalanceRuntime): Pick<OperationHandlers, "ANALYZE_SCENARIOS"> {
  const { config, writes, metrics } = runtime;
  const readOptions = optionsReader(config.contract.unknownFields);
  return {
    ANALYZE_SCENARIOS: async ({ tenant_id: tenantId, request }) => {
      const { correlation_id, policy_pack_id, request_text } = request;
      // What was accepted passed its contract then; if it no longer does, the attempt fails and says so in the log.
      const batch = readBatch(BatchRebalanceRequest.parse(readStoredJson(request_text)), readOptions);
      const policyPack = await readPolicyPack(writes.database, tenantId, policy_pack_id);
      const executed = executeBatch(runtime, correlation_id, batch, policyPack);
      return {
        write: async (tx) => {
          await insertBatch(tx, tenantId, executed);
          return { kind: "succeeded", result_text: executed.resultText, proposal_id: null };
        },
        onCommitted: () => countRuns(metrics, executed),
      };
    },
  };
}
