import { inTransaction } from "../../platform/database/transaction.ts";
import type { Answer } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome } from "../../platform/idempotency/write.ts";
import { wholeText, type Text } from "../../platform/text-parts.ts";
import type { Runtime } from "../../runtime.ts";
import type { SimulateDocument } from "./bodies.ts";
import { CALCULATE_ARTIFACT, type ArtifactInput } from "./calculations.ts";
import type { KeyedCaller, Refused } from "./core.ts";
import { findSimulation, storeArtifact } from "./repository/idempotency-queries.ts";
import { SIMULATE, simulateProposal } from "./simulate-proposal.ts";

/**
 * Packages a simulation as an artifact. The key's simulation is the source, whichever of the two endpoints made it, and
 * its time is the artifact's: asked for again, the same key gives the same bytes.
 */
export async function packageArtifact(
  deps: Pick<Runtime, "config" | "writes" | "engineVersion" | "calculations">,
  caller: KeyedCaller,
  document: SimulateDocument,
): Promise<WriteOutcome<Text> | Refused> {
  const simulated = await simulateProposal(deps, caller, document);
  if (simulated.kind !== "answered") return simulated;
  const { tenantId, idempotencyKey: key } = caller;
  const { database } = deps.writes;
  // What was simulated a moment ago is not read again.
  const { made } = simulated;
  const stored = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    findSimulation(tx, tenantId, SIMULATE.name, key, made === null),
  );
  const resultText = made ?? stored?.result_text ?? null;
  if (stored === undefined || resultText === null) return { kind: "inconsistent" };
  const { artifact_text, created_at: packagedAt } = stored;
  const answer =
    artifact_text === null
      ? await storeNewArtifact(deps, caller, { document, resultText, packagedAt })
      : { status: 200, body: artifact_text };
  return { ...simulated, answer };
}

/** Stores the artifact beside the simulation. Of several at once, all answer with the bytes of the first. */
async function storeNewArtifact(
  { writes, calculations }: Pick<Runtime, "writes" | "calculations">,
  { tenantId, idempotencyKey: key }: KeyedCaller,
  input: ArtifactInput & { readonly document: SimulateDocument },
): Promise<Answer> {
  const { cost } = input.document;
  const outcome = await write<Text, Text>(writes, {
    tenantId,
    key: null,
    prepare: () => calculations.run(CALCULATE_ARTIFACT, input, { cost }),
    write: async (tx, text) => {
      const body = await storeArtifact(tx, tenantId, SIMULATE.name, key, text);
      return { answer: { status: 200, body }, made: body, record: null };
    },
    wasCommitted: async (tx, body) =>
      (await findSimulation(tx, tenantId, SIMULATE.name, key, false))?.artifact_text === wholeText(body),
  });
  if (outcome.kind !== "answered") throw new Error("an artifact was stored without its answer");
  return outcome.answer;
}
