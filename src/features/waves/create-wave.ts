import type { IncomingMessage } from "node:http";
import type { Fault } from "../../contract/faults.ts";
import type { RulesVersion } from "../../contract/options.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { ACTOR_MISMATCH, mayActAs } from "../../platform/http/actor.ts";
import { subjectOf, type KeyedContext } from "../../platform/http/context.ts";
import { invalidRequest, problemText, type RequestFault } from "../../platform/http/problem.ts";
import { ProblemError } from "../../platform/http/problems.ts";
import { malformedBody } from "../../platform/http/strict-json.ts";
import { readerOf } from "../../platform/http/validation.ts";
import { findStoredOutcome, type RequestKey } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import {
  applyPolicyPack,
  definitionOf,
  packSelection,
  POLICY_PACK_UNKNOWN,
  type PackInForce,
} from "../policies/core.ts";
import { readPackInForce } from "../policies/find-policy-pack.ts";
import { addItems, refusalOfItems } from "./add-items.ts";
import { WaveHeadBody } from "./bodies.ts";
import {
  hashOfFacts,
  sealEvent,
  type WaveEventDraft,
  type WaveEventRow,
  type WaveFacts,
} from "./core/event.ts";
import { countsOf } from "./core/wave.ts";
import { CREATE_SCOPE } from "./names.ts";
import { readUpload, type Upload } from "./read-upload.ts";
import { insertEvent } from "./repository/events.ts";
import { insertWave, type WaveRow } from "./repository/waves.ts";
import { writtenWaveText } from "./view-wave.ts";

export type CreateDeps = Pick<Runtime, "config" | "database" | "calculations" | "newId" | "clock" | "writes">;

/** Reads a wave as it comes, and stores it in DRAFT with all its portfolios, once for its key. */
export async function createWave(
  deps: CreateDeps,
  context: KeyedContext,
  message: IncomingMessage,
  signal: AbortSignal,
): Promise<WriteOutcome<WaveRow>> {
  const { tenantId, idempotencyKey: key } = context;
  const recordKey = { tenantId, scope: CREATE_SCOPE, recordScope: CREATE_SCOPE.name, key };
  const isStored = !(await isKnown(deps, { ...recordKey, payloadHash: "" }));
  const upload = await readUpload(deps, context, message, { hasHead: true, isStored, signal });
  const head = await readHead(deps, context, upload, signal);
  const { policyPack, isPackMissing } = await readPack(deps, context, upload);
  const { defaultRulesVersion } = deps.config.contract;
  if (upload.isStored) refuseByRules(head, policyPack, defaultRulesVersion);
  const payloadHash = hashOfUpload(head.hash, upload);
  return write<NewWave, WaveRow>(deps.writes, {
    tenantId,
    key: { ...recordKey, payloadHash },
    prepare: () => ({
      sharedText: head.sharedText,
      facts: {
        wave_id: deps.newId("rw_"),
        wave_name: head.wave_name,
        created_by: head.created_by,
        authenticated_subject: subjectOf(context),
        correlation_id: context.correlationId,
        created_at: deps.clock().toISOString(),
        policy_pack_id: policyPack?.id ?? null,
        policy_pack_version: policyPack?.version ?? null,
        policy_pack_revision: policyPack?.revision ?? null,
        is_pack_missing: isPackMissing,
        default_rules_version: defaultRulesVersion,
        shared_hash: contentHash(head.sharedText),
      },
      eventId: deps.newId("rwe_"),
    }),
    write: (tx, wave) => writeWave(tx, deps, context, wave, upload),
  });
}

/** The pack for every item. What is stored under a key is answered also where its pack does not exist any more. */
async function readPack(
  { config, database }: CreateDeps,
  context: KeyedContext,
  { isStored }: Upload,
): Promise<PackInForce> {
  const { id, isRequired } = packSelection(config.rebalance.policyPacks, context);
  const pack = await readPackInForce(database, context.tenantId, id);
  if (pack.isPackMissing && isRequired && isStored) throw new ProblemError(POLICY_PACK_UNKNOWN);
  return pack;
}

/** Refuses what all items share where the rules in force for it cannot take it. */
function refuseByRules(
  {
    sharedOptions: sent,
    sharedFaults,
  }: Pick<Awaited<ReturnType<typeof readHead>>, "sharedOptions" | "sharedFaults">,
  policyPack: PackInForce["policyPack"],
  defaultRulesVersion: RulesVersion,
): void {
  const options = policyPack === undefined ? sent : applyPolicyPack(sent, definitionOf(policyPack));
  const faults = sharedFaults[options.rules_version ?? defaultRulesVersion];
  if (faults.length > 0) throw new ProblemError(invalidRequest(ofBody(faults)));
}

function ofBody(faults: readonly Fault[]): RequestFault[] {
  return faults.map((fault) => ({ ...fault, part: "body" }));
}

/** Whether a key has an answer already: its portfolios need not be stored again. */
export function isKnown(deps: Pick<Runtime, "database">, key: RequestKey): Promise<boolean> {
  const context = { tenantId: key.tenantId, readOnly: true };
  return inTransaction(
    deps.database,
    context,
    async (tx) => (await findStoredOutcome(tx, key)) !== undefined,
  );
}

/** Of two spellings of one request it is the same: of head and portfolios as they were read. */
export function hashOfUpload(head: string, { portfoliosHash, count }: Upload): string {
  return contentHash(canonicalJson({ head, portfolios: portfoliosHash, portfolio_count: count }));
}

const BYTES_PER_COST = 400;

async function readHead(
  deps: CreateDeps,
  context: KeyedContext,
  { head: bytes, faults }: Upload,
  signal: AbortSignal,
) {
  const { unknownFields } = deps.config.contract;
  const source = { bytes: new Uint8Array(bytes), unknownFields, reader: readerOf(context) };
  const terms = { cost: bytes.length / BYTES_PER_COST, signal };
  const read = await deps.calculations.run(WaveHeadBody.reading, source, terms);
  if (read.kind === "malformed") throw new ProblemError(malformedBody(read.reason));
  const found = [...(read.kind === "refused" ? read.faults : []), ...faults];
  if (read.kind === "refused" || found.length > 0) {
    throw new ProblemError(invalidRequest(ofBody(found)));
  }
  if (!mayActAs(context.caller, read.document.created_by)) throw new ProblemError(ACTOR_MISMATCH);
  return read.document;
}

type NewWave = { readonly facts: WaveFacts; readonly sharedText: string; readonly eventId: string };

/** A wave of which nothing has ended. */
const NOTHING_ENDED = {
  ready_count: 0,
  pending_review_count: 0,
  blocked_count: 0,
  failed_count: 0,
  cancelled_count: 0,
  running_since: null,
  ended_before: 0,
  settled_at: null,
};

async function writeWave(
  tx: Tx,
  deps: CreateDeps,
  context: KeyedContext,
  { facts, sharedText, eventId }: NewWave,
  upload: Upload,
): Promise<Written<WaveRow>> {
  const { tenantId } = context;
  const draft = { wave_id: facts.wave_id, state: "DRAFT", item_count: 0 } as const;
  const refusal = await refusalOfItems(tx, tenantId, draft, upload);
  if (refusal !== undefined) {
    const answer = { status: refusal.status, body: problemText(context, refusal) };
    return { answer, made: null, record: {} };
  }
  const event = createdEvent(facts, eventId, upload);
  const wave: WaveRow = {
    ...facts,
    ...NOTHING_ENDED,
    state: "DRAFT",
    item_count: upload.count,
    last_event_no: event.event_no,
    last_event_hash: event.event_hash,
    last_event_at: event.occurred_at,
  };
  await Promise.all([insertWave(tx, tenantId, wave, sharedText), insertEvent(tx, tenantId, event)]);
  await addItems(tx, tenantId, draft, upload);
  const body = await writtenWaveText(tx, tenantId, wave, deps.clock().toISOString());
  return { answer: { status: 201, body }, made: wave, record: { waveId: facts.wave_id } };
}

function createdEvent(facts: WaveFacts, eventId: string, { count, portfoliosHash }: Upload): WaveEventRow {
  const draft: WaveEventDraft = {
    wave_id: facts.wave_id,
    event_no: 1,
    event_id: eventId,
    event_type: "CREATED",
    from_state: null,
    to_state: "DRAFT",
    actor_id: facts.created_by,
    authenticated_subject: facts.authenticated_subject,
    occurred_at: facts.created_at,
    correlation_id: facts.correlation_id,
    reason: null,
    counts_text: canonicalJson(countsOf({ ...NOTHING_ENDED, item_count: count }, 0)),
    wave_hash: hashOfFacts(facts),
    portfolios_hash: portfoliosHash,
    items_hash: null,
  };
  return sealEvent(draft, null);
}
