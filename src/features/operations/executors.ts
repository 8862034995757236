import * as z from "zod";
import { BatchRebalanceRequest } from "../../contract/rebalance.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import {
  findOutcome,
  insertRecord,
  type Claim as KeyClaim,
  type OnceOutcome,
} from "../../platform/idempotency.ts";
import { readStoredJson } from "../../platform/json/stored-json.ts";
import { readPolicyPack } from "../policies/pack.ts";
import { ProposalCreateRequest, ProposalVersionRequest } from "../proposals/schemas.ts";
import { CREATE_SCOPE, prepareProposal, writeProposal } from "../proposals/create-proposal.ts";
import { prepareVersion, versionScope, writeVersion } from "../proposals/create-version.ts";
import type { ProposalDeps } from "../proposals/deps.ts";
import { countRuns, executeBatch, insertBatch, readBatch } from "../rebalance/analyze.ts";
import type { OptionsReader } from "../rebalance/core.ts";
import type { RebalanceDeps } from "../rebalance/simulate.ts";
import type { Executor, Executors, Operation, Outcome } from "./execution.ts";

export type ExecutorDeps = {
  readonly rebalance: RebalanceDeps;
  readonly proposals: ProposalDeps;
  readonly readOptions: OptionsReader;
};

/** What each type of operation does: the same as its plain form, split where computing ends and writing begins. */
export function makeExecutors(deps: ExecutorDeps): Executors {
  return {
    ANALYZE_SCENARIOS: analyzeScenarios(deps),
    CREATE_PROPOSAL: createProposal(deps.proposals),
    CREATE_PROPOSAL_VERSION: createVersion(deps.proposals),
  };
}

function analyzeScenarios({ rebalance, readOptions }: ExecutorDeps): Executor {
  return async ({ tenantId, request }) => {
    const { correlation_id, policy_pack_id, request_text } = request;
    const batch = readBatch(accepted(BatchRebalanceRequest, request_text), readOptions);
    const policyPack = await readPolicyPack(rebalance.once.database, tenantId, policy_pack_id);
    const now = rebalance.once.clock();
    const executed = executeBatch({ ...rebalance, now }, correlation_id, batch, policyPack);
    return async (tx) => {
      await insertBatch(tx, tenantId, executed);
      const onCommitted = () => countRuns(rebalance, executed);
      return { kind: "succeeded", resultText: executed.resultText, proposalId: null, onCommitted };
    };
  };
}

function createProposal(deps: ProposalDeps): Executor {
  return (operation) => {
    const request = accepted(ProposalCreateRequest, operation.request.request_text);
    const prepared = prepareProposal(deps, callerOf(operation), request);
    const { proposalId } = prepared.version;
    const key = keyOf(operation, CREATE_SCOPE);
    return Promise.resolve((tx) =>
      underKey(deps, tx, key, async () => {
        await writeProposal(tx, prepared);
        return { written: true, proposalId, versionNo: 1, body: prepared.body };
      }),
    );
  };
}

function createVersion(deps: ProposalDeps): Executor {
  return (operation) => {
    const { proposal_id: proposalId, request_text } = operation.request;
    if (proposalId === null) throw new Error(`${operation.operationId} names no proposal`);
    const request = accepted(ProposalVersionRequest, request_text);
    const prepared = prepareVersion(deps, callerOf(operation), proposalId, request);
    const key = keyOf(operation, versionScope(proposalId));
    return Promise.resolve((tx) =>
      underKey(deps, tx, key, async () => {
        const outcome = await writeVersion(deps, tx, prepared);
        return outcome.written ? { ...outcome, proposalId } : outcome;
      }),
    );
  };
}

/** What was accepted passed its contract then; if it no longer does, an attempt fails and says so in the log. */
function accepted<T>(schema: z.ZodType<T>, requestText: string): T {
  return schema.parse(readStoredJson(requestText));
}

function callerOf({ tenantId, request }: Operation) {
  return { tenantId, correlationId: request.correlation_id, idempotencyKey: request.idempotency_key };
}

function keyOf({ tenantId, request }: Operation, scope: string): KeyClaim | null {
  const { idempotency_key: key, request_text } = request;
  return key === null ? null : { tenantId, scope, key, payloadHash: contentHash(request_text) };
}

type Made = {
  readonly written: true;
  readonly proposalId: string;
  readonly versionNo: number;
  readonly body: string;
};
type Refused = { readonly written: false; readonly refusal: { readonly detail: string } };

/**
 * A key makes one thing, whichever of the two forms of a request it came with: what is made here is kept under the key
 * of the plain form too, so that this finds it and it can be looked up; and what the plain form made is not made again.
 */
async function underKey(
  deps: ProposalDeps,
  tx: Tx,
  key: KeyClaim | null,
  make: () => Promise<Made | Refused>,
): Promise<Outcome> {
  const kept = key === null ? undefined : await findOutcome(tx, key);
  if (kept !== undefined) return keptOutcome(kept);
  const made = await make();
  if (!made.written) return refused(made.refusal.detail);
  const { proposalId, versionNo, body } = made;
  const written = { answer: { status: 200, body }, keep: true, versionMade: { proposalId, versionNo } };
  if (key !== null) await insertRecord(tx, key, written, deps.once.clock());
  return { kind: "succeeded", resultText: body, proposalId };
}

const KeptProposal = z.object({ proposal: z.object({ proposal_id: z.string() }) });
const KeptProblem = z.object({ detail: z.string() });

function keptOutcome(kept: OnceOutcome): Outcome {
  if (kept.kind === "conflict") return refused("IDEMPOTENCY_KEY_CONFLICT: request hash mismatch");
  if (kept.kind !== "answered") throw new Error("what the key points to is not there");
  const { status, body } = kept.answer;
  const document: unknown = JSON.parse(body);
  if (status >= 400) return refused(KeptProblem.parse(document).detail);
  const { proposal } = KeptProposal.parse(document);
  return { kind: "succeeded", resultText: body, proposalId: proposal.proposal_id };
}

/** Details of the contract begin with a code; some add a sentence after a colon. */
function refused(detail: string): Outcome {
  const [code = detail] = detail.split(":");
  return { kind: "refused", failure: { code, message: detail } };
}
