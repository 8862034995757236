import * as z from "zod";
import type { Clock } from "../../platform/clock.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import {
  findStoredOutcome,
  insertRecord,
  type IdempotencyScope,
  type RequestKey,
  type StoredOutcome,
} from "../../platform/idempotency/repository.ts";
import { isRefusedInput, sentenceOf, type RefusedInput } from "../../platform/refused-input.ts";
import type { Runtime } from "../../runtime.ts";
import {
  ACCEPTED_WORK,
  refusedResult,
  type Operation,
  type OperationHandler,
  type OperationHandlers,
  type OperationResult,
  type PreparedResult,
} from "../operations/handlers.ts";
import { accept, type LifecycleDecision } from "./core.ts";
import { CREATE, prepareProposal, writeProposal } from "./create-proposal.ts";
import {
  prepareVersion,
  versionOf,
  VERSIONS,
  versionsOf,
  writeVersion,
  type WrittenVersion,
} from "./create-version.ts";

/** What each operation of proposals does: the same as its plain form, split where computing ends and writing begins. */
export function proposalOperationHandlers(
  runtime: Runtime,
): Pick<OperationHandlers, "CREATE_PROPOSAL" | "CREATE_PROPOSAL_VERSION"> {
  return {
    CREATE_PROPOSAL: createProposal(runtime),
    CREATE_PROPOSAL_VERSION: createVersion(runtime),
  };
}

function createProposal(runtime: Runtime): OperationHandler {
  return async (operation) => {
    const document = { text: operation.request.request_text };
    const prepared = await prepareProposal(runtime, callerOf(operation), document, ACCEPTED_WORK);
    if (isRefusedInput(prepared)) return refusal(prepared);
    const key = keyOf(operation, CREATE, CREATE.name);
    const make = async (tx: Tx) => {
      await writeProposal(tx, prepared);
      return accept({ event: prepared.event, body: prepared.body });
    };
    return { write: (tx) => writeUnderKey(runtime.clock, tx, key, make) };
  };
}

function createVersion(runtime: Runtime): OperationHandler {
  return async (operation) => {
    const { proposal_id } = operation.request;
    if (proposal_id === null) throw new Error(`${operation.operation_id} names no proposal`);
    const document = { text: operation.request.request_text };
    const caller = callerOf(operation);
    const prepared = await prepareVersion(runtime, caller, proposal_id, document, ACCEPTED_WORK);
    if (isRefusedInput(prepared)) return refusal(prepared);
    const key = keyOf(operation, VERSIONS, versionsOf(proposal_id));
    const make = (tx: Tx) => writeVersion(runtime, tx, prepared);
    return { write: (tx) => writeUnderKey(runtime.clock, tx, key, make) };
  };
}

/** No other attempt would end differently, unless the deployment chooses other rules. */
function refusal(refused: RefusedInput): PreparedResult {
  return { write: () => Promise.resolve(refusedResult(sentenceOf(refused))) };
}

function callerOf({ tenant_id, request }: Operation) {
  return {
    tenantId: tenant_id,
    correlationId: request.correlation_id,
    idempotencyKey: request.idempotency_key,
    caller: request.authenticated_subject === null ? null : { subject: request.authenticated_subject },
  };
}

function keyOf(
  { tenant_id, request }: Operation,
  scope: IdempotencyScope,
  recordScope: string,
): RequestKey | null {
  const { idempotency_key: key, request_text } = request;
  if (key === null) return null;
  return { tenantId: tenant_id, scope, recordScope, key, payloadHash: contentHash(request_text) };
}

/**
 * A key makes one thing, whichever of the two forms of a request it came with: what is made here is stored under the
 * key of the plain form too, so that this finds it and it can be looked up; and what the plain form made is not made
 * again.
 */
async function writeUnderKey(
  clock: Clock,
  tx: Tx,
  key: RequestKey | null,
  make: (tx: Tx) => Promise<LifecycleDecision<WrittenVersion>>,
): Promise<OperationResult> {
  const stored = key === null ? undefined : await findStoredOutcome(tx, key);
  if (stored !== undefined) return resultOfStored(stored);
  const made = await make(tx);
  if (!made.accepted) return refusedResult(made.refusal.detail);
  const { event, body } = made.value;
  const links = { proposal: versionOf(event) };
  if (key !== null) await insertRecord(tx, key, { status: 200, body }, links, clock());
  return { kind: "succeeded", result_text: body, proposal_id: event.proposal_id };
}

const StoredProposal = z.object({ proposal: z.object({ proposal_id: z.string() }) });
const StoredProblem = z.object({ detail: z.string() });

function resultOfStored(stored: StoredOutcome): OperationResult {
  if (stored.kind === "conflict") return refusedResult("IDEMPOTENCY_KEY_CONFLICT: request hash mismatch");
  if (stored.kind === "inconsistent") throw new Error("what the key points to is not there");
  const { status, body } = stored.answer;
  const document: unknown = JSON.parse(body);
  if (status >= 400) return refusedResult(StoredProblem.parse(document).detail);
  const { proposal_id } = StoredProposal.parse(document).proposal;
  return { kind: "succeeded", result_text: body, proposal_id };
}
