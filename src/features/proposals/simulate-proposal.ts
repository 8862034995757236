import { ANSWER_IN_RECORD, type IdempotencyScope } from "../../platform/idempotency/repository.ts";
import { orRefuse } from "../../platform/http/accepted.ts";
import { write, type WriteOutcome } from "../../platform/idempotency/write.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { Runtime } from "../../runtime.ts";
import type { SimulateDocument } from "./bodies.ts";
import { CALCULATE_SIMULATION } from "./calculations.ts";
import { simulationContext } from "./create-proposal.ts";
import { PROPOSAL_SIMULATION_DISABLED, type KeyedCaller, type Refused } from "./core.ts";

/** One scope for simulate and artifact: one key and payload serves both, and is simulated once. */
export const SIMULATE: IdempotencyScope = {
  name: "proposals.simulate",
  inconsistent: "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_IN_RECORD,
};

/** Simulates a proposal; the answer is the result's own bytes, stored with the key. */
export async function simulateProposal(
  deps: Pick<Runtime, "config" | "writes" | "engineVersion" | "calculations">,
  caller: KeyedCaller,
  document: SimulateDocument,
): Promise<WriteOutcome<Text> | Refused> {
  if (!document.options.enable_proposal_simulation) {
    return { kind: "refused", refusal: PROPOSAL_SIMULATION_DISABLED };
  }
  const { tenantId, idempotencyKey: key } = caller;
  const { cost, hash: payloadHash } = document;
  const context = simulationContext(deps, caller);
  return write<Text, Text>(deps.writes, {
    tenantId,
    key: { tenantId, scope: SIMULATE, recordScope: SIMULATE.name, key, payloadHash },
    prepare: async () =>
      orRefuse(await deps.calculations.run(CALCULATE_SIMULATION, { document, context }, { cost })),
    write: (_tx, body) => Promise.resolve({ answer: { status: 200, body }, made: body, record: {} }),
  });
}
