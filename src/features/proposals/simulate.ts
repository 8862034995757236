import type { ProposalResult, ProposalSimulateRequest } from "../../contract/proposal.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { once, writeOnce, type Written } from "../../platform/idempotency.ts";
import { PROPOSAL_SIMULATION_DISABLED } from "./core.ts";
import type { KeyedCaller, ProposalDeps, WriteOutcome } from "./deps.ts";
import { packageSimulation, runSimulation } from "./prepare.ts";
import { findSimulation, keepArtifact, type StoredSimulation } from "./keys.ts";

/** One scope for simulate and artifact: one key and payload serves both, and is simulated once. */
export const SIMULATE_SCOPE = "proposals.simulate";

/** Simulates a proposal; the answer is the result's own bytes, kept with the key. */
export async function simulate(
  deps: ProposalDeps,
  caller: KeyedCaller,
  request: ProposalSimulateRequest,
): Promise<WriteOutcome> {
  if (!request.options.enable_proposal_simulation) {
    return { kind: "refused", refusal: PROPOSAL_SIMULATION_DISABLED };
  }
  const requestText = canonicalJson(request);
  const prepare = (): string =>
    runSimulation(request, requestText, { ...caller, engineVersion: deps.engineVersion }).resultText;
  const { tenantId, idempotencyKey: key } = caller;
  const payloadHash = contentHash(requestText);
  return once(
    deps.once,
    { tenantId, scope: SIMULATE_SCOPE, key, payloadHash },
    {
      prepare,
      write: (_tx, resultText): Promise<Written> =>
        Promise.resolve({ answer: { status: 200, body: resultText }, keep: true }),
    },
  );
}

/**
 * Packages a simulation as an artifact. The key's simulation is the source, whichever of the two endpoints made it, and
 * its time is the artifact's: asked for again, the same key gives the same bytes.
 */
export async function packageArtifact(
  deps: ProposalDeps,
  caller: KeyedCaller,
  request: ProposalSimulateRequest,
): Promise<WriteOutcome> {
  const outcome = await simulate(deps, caller, request);
  if (outcome.kind !== "answered") return outcome;
  const { tenantId, idempotencyKey: key } = caller;
  const stored = await inTransaction(deps.once.database, { tenantId, readOnly: true }, (tx) =>
    findSimulation(tx, tenantId, SIMULATE_SCOPE, key),
  );
  if (stored === undefined) return { kind: "inconsistent" };
  const body = stored.artifact_text ?? (await makeArtifact(deps, tenantId, key, request, stored));
  return { ...outcome, answer: { status: 200, body } };
}

async function makeArtifact(
  deps: ProposalDeps,
  tenantId: string,
  key: string,
  request: ProposalSimulateRequest,
  stored: StoredSimulation,
): Promise<string> {
  let body = artifactText(request, stored.result_text, stored.created_at);
  await writeOnce(
    deps.once,
    tenantId,
    async (tx) => (await findSimulation(tx, tenantId, SIMULATE_SCOPE, key))?.artifact_text === body,
    async (tx) => {
      body = await keepArtifact(tx, tenantId, SIMULATE_SCOPE, key, body);
    },
  );
  return body;
}

function artifactText(request: ProposalSimulateRequest, resultText: string, createdAt: string): string {
  // Our own bytes; a schema in between would cost more than the artifact.
  const result = JSON.parse(resultText) as ProposalResult;
  const simulation = {
    requestText: canonicalJson(request),
    requestHash: result.lineage.request_hash,
    result,
    resultText,
  };
  return packageSimulation(request, simulation, createdAt).artifactText;
}
