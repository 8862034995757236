import type { IncomingMessage } from "node:http";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { subjectOf, type KeyedContext } from "../../platform/http/context.ts";
import { invalidRequest, problemText, type RequestFault } from "../../platform/http/problem.ts";
import { ProblemError } from "../../platform/http/problems.ts";
import { malformedBody } from "../../platform/http/strict-json.ts";
import { readerOf } from "../../platform/http/validation.ts";
import { write, type WriteOutcome, type Written } from "../../platform/idempotency/write.ts";
import { addItems, refusalOfItems } from "./add-items.ts";
import { AdditionBody } from "./bodies.ts";
import { hashOfUpload, isKnown, type CreateDeps } from "./create-wave.ts";
import { ADD_SCOPE, WAVE_NOT_FOUND } from "./names.ts";
import { readUpload, type Upload } from "./read-upload.ts";
import { recordEvent } from "./record-event.ts";
import { findWave, lockWave, type WaveRow } from "./repository/waves.ts";
import { writtenWaveText } from "./view-wave.ts";

/** Reads portfolios as they come, and adds them to a wave in DRAFT, all or none, once for their key. */
export async function addPortfolios(
  deps: CreateDeps,
  context: KeyedContext,
  waveId: string,
  message: IncomingMessage,
  signal: AbortSignal,
): Promise<WriteOutcome<WaveRow>> {
  const { tenantId, idempotencyKey: key } = context;
  const recordKey = { tenantId, scope: ADD_SCOPE, recordScope: `${ADD_SCOPE.name} ${waveId}`, key };
  const wave = await inTransaction(deps.database, { tenantId, readOnly: true }, (tx) =>
    findWave(tx, tenantId, waveId),
  );
  if (wave === undefined) throw new ProblemError(WAVE_NOT_FOUND);
  // One that has been started takes none any more: what is sent is read for the sake of its key.
  const isStored = wave.state === "DRAFT" && !(await isKnown(deps, { ...recordKey, payloadHash: "" }));
  const upload = await readUpload(deps, context, message, { hasHead: false, isStored, signal });
  refuseInvalid(deps, context, upload);
  return write<null, WaveRow>(deps.writes, {
    tenantId,
    key: { ...recordKey, payloadHash: hashOfUpload("", upload) },
    aggregate: `wave ${waveId}`,
    prepare: () => null,
    write: (tx) => writePortfolios(tx, deps, context, waveId, upload),
  });
}

const NO_PORTFOLIOS: RequestFault = {
  part: "body",
  path: ["portfolios"],
  msg: "must have at least 1 item",
  code: "TOO_FEW_ITEMS",
};

/** The body has nothing but its portfolios. */
function refuseInvalid({ config }: CreateDeps, context: KeyedContext, { head, faults, count }: Upload): void {
  const { unknownFields } = config.contract;
  const read = AdditionBody.reading.compute({ bytes: head, unknownFields, reader: readerOf(context) });
  if (read.kind === "malformed") throw new ProblemError(malformedBody(read.reason));
  const found = [...(read.kind === "refused" ? read.faults : []), ...faults];
  const all: RequestFault[] = found.map((fault) => ({ ...fault, part: "body" }));
  if (count === 0 && faults.length === 0) all.push(NO_PORTFOLIOS);
  if (all.length > 0) throw new ProblemError(invalidRequest(all));
}

async function writePortfolios(
  tx: Tx,
  deps: CreateDeps,
  context: KeyedContext,
  waveId: string,
  upload: Upload,
): Promise<Written<WaveRow>> {
  const { tenantId, correlationId } = context;
  const wave = await lockWave(tx, tenantId, waveId);
  const refusal = wave === undefined ? WAVE_NOT_FOUND : await refusalOfItems(tx, tenantId, wave, upload);
  if (wave === undefined || refusal !== undefined) {
    const problem = refusal ?? WAVE_NOT_FOUND;
    const answer = { status: problem.status, body: problemText(context, problem) };
    return { answer, made: null, record: wave === undefined ? null : { waveId } };
  }
  await addItems(tx, tenantId, wave, upload);
  const larger = { ...wave, item_count: wave.item_count + upload.count };
  const after = await recordEvent(tx, deps, tenantId, larger, {
    event: "PORTFOLIOS_ADDED",
    to: "DRAFT",
    // No field of the body names who adds: without a token it is whoever made the wave.
    actor_id: subjectOf(context) ?? wave.created_by,
    authenticated_subject: subjectOf(context),
    correlation_id: correlationId,
    reason: null,
    portfolios_hash: upload.portfoliosHash,
  });
  const body = await writtenWaveText(tx, tenantId, after, deps.clock().toISOString());
  return { answer: { status: 200, body }, made: after, record: { waveId } };
}
