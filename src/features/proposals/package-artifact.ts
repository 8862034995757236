import { inTransaction } from "../../platform/database/transaction.ts";
import type { Answer } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome } from "../../platform/idempotency/write.ts";
import type { Runtime } from "../../runtime.ts";
import type { SimulateDocument } from "./bodies.ts";
import { CALCULATE_ARTIFACT } from "./calculations.ts";
import type { KeyedCaller, Refused } from "./core.ts";
import { findSimulation, storeArtifact, type StoredSimulation } from "./repository/idempotency-queries.ts";
import { SIMULATE, simulateProposal } from "./simulate-proposal.ts";

/**
 * Packages a simulation as an artifact. The key's simulation is the source, whichever of the two endpoints made it, and
 * its time is the artifact's: asked for again, the same key gives the same bytes.
 */
export async function packageArtifact(
  deps: Pick<Runtime, "config" | "writes" | "engineVersion" | "calculations">,
  caller: KeyedCaller,
  document: SimulateDocument,
): Promise<WriteOutcome<string> | Refused> {
  const simulated = await simulateProposal(deps, caller, document);
  if (simulated.kind !== "answered") return simulated;
  const { tenantId, idempotencyKey: key } = caller;
  const { database } = deps.writes;
  const stored = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    findSimulation(tx, tenantId, SIMULATE.name, key),
  );
  if (stored === undefined) return { kind: "inconsistent" };
  const answer =
    stored.artifact_text === null
      ? await storeNewArtifact(deps, caller, document, stored)
      : { status: 200, body: stored.artifact_text };
  return { ...simulated, answer };
}

/** Stores the artifact beside the simulation. Of several at once, all answer with the bytes of the first. */
async function storeNewArtifact(
  { writes, calculations }: Pick<Runtime, "writes" | "calculations">,
  { tenantId, idempotencyKey: key }: KeyedCaller,
  document: SimulateDocument,
  { result_text: resultText, created_at: packagedAt }: StoredSimulation,
): Promise<Answer> {
  const { cost } = document;
  const outcome = await write<string, string>(writes, {
    tenantId,
    key: null,
    prepare: () => calculations.run(CALCULATE_ARTIFACT, { document, resultText, packagedAt }, { cost }),
    write: async (tx, text) => {
      const body = await storeArtifact(tx, tenantId, SIMULATE.name, key, text);
      return { answer: { status: 200, body }, made: body, record: null };
    },
    wasCommitted: async (tx, body) =>
      (await findSimulation(tx, tenantId, SIMULATE.name, key))?.artifact_text === body,
  });
  if (outcome.kind !== "answered") throw new Error("an artifact was stored without its answer");
  return outcome.answer;
}
