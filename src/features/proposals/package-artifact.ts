import type { ProposalResult, ProposalSimulateRequest } from "../../contract/proposal.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import type { Answer } from "../../platform/idempotency/repository.ts";
import { write, type WriteDeps, type WriteOutcome } from "../../platform/idempotency/write.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import type { KeyedCaller, Refused } from "./core.ts";
import { packageSimulation } from "./prepare-version.ts";
import { findSimulation, storeArtifact, type StoredSimulation } from "./repository/idempotency-queries.ts";
import { SIMULATE, simulateProposal } from "./simulate-proposal.ts";

/**
 * Packages a simulation as an artifact. The key's simulation is the source, whichever of the two endpoints made it, and
 * its time is the artifact's: asked for again, the same key gives the same bytes.
 */
export async function packageArtifact(
  deps: Pick<Runtime, "writes" | "engineVersion">,
  caller: KeyedCaller,
  request: ProposalSimulateRequest,
): Promise<WriteOutcome<string> | Refused> {
  const simulated = await simulateProposal(deps, caller, request);
  if (simulated.kind !== "answered") return simulated;
  const { tenantId, idempotencyKey: key } = caller;
  const { database } = deps.writes;
  const stored = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    findSimulation(tx, tenantId, SIMULATE.name, key),
  );
  if (stored === undefined) return { kind: "inconsistent" };
  const answer =
    stored.artifact_text === null
      ? await storeNewArtifact(deps.writes, { tenantId, key }, request, stored)
      : { status: 200, body: stored.artifact_text };
  return { ...simulated, answer };
}

/** Stores the artifact beside the simulation. Of several at once, all answer with the bytes of the first. */
async function storeNewArtifact(
  deps: WriteDeps,
  { tenantId, key }: { readonly tenantId: string; readonly key: string },
  request: ProposalSimulateRequest,
  stored: StoredSimulation,
): Promise<Answer> {
  const outcome = await write<string, string>(deps, {
    tenantId,
    key: null,
    prepare: () => artifactText(request, stored),
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

function artifactText(
  request: ProposalSimulateRequest,
  { result_text, created_at }: StoredSimulation,
): string {
  // Our own bytes; a schema in between would cost more than the artifact.
  const result = JSON.parse(result_text) as ProposalResult;
  const { request_hash } = result.lineage;
  const simulation = { request_text: canonicalJson(request), request_hash, result, result_text };
  return packageSimulation(request, simulation, created_at).artifact_text;
}
