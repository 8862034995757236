import type { Tx } from "../../platform/database/transaction.ts";
import { OVERLOADED } from "../../platform/http/failures.ts";
import type { ProblemDetails } from "../../platform/http/problem.ts";
import { ProblemError } from "../../platform/http/problems.ts";
import { judgeAddition } from "./core/states.ts";
import { refused } from "./names.ts";
import type { Upload } from "./read-upload.ts";
import { findRepeatedKey, insertItems } from "./repository/portfolios.ts";
import type { WaveRow } from "./repository/waves.ts";

type Wave = Pick<WaveRow, "wave_id" | "state" | "item_count">;

/** Why portfolios that were sent together cannot be items of a wave, whose lock is held. */
export async function refusalOfItems(
  tx: Tx,
  tenantId: string,
  wave: Wave,
  { uploadId, count }: Upload,
): Promise<ProblemDetails | undefined> {
  const refusal = judgeAddition(wave, count);
  if (refusal !== undefined) return refused(refusal);
  const repeated = await findRepeatedKey(tx, tenantId, wave.wave_id, uploadId, wave.item_count);
  return repeated === undefined ? undefined : itemExists(repeated);
}

/** Makes items of portfolios that were sent together, under the lock of their wave. */
export async function addItems(
  tx: Tx,
  tenantId: string,
  { wave_id, item_count }: Wave,
  { uploadId, count, isStored }: Upload,
): Promise<void> {
  // Only where the answer of its key was there a moment ago, and is not any more.
  if (!isStored) throw new ProblemError(OVERLOADED);
  const added = await insertItems(tx, tenantId, wave_id, uploadId, item_count);
  if (added !== count) throw new Error(`of ${String(count)} portfolios ${String(added)} are stored`);
}

function itemExists(lineNo: number): ProblemDetails {
  const path = ["portfolios", lineNo - 1, "item_key"];
  const msg = "is the key of another item of this wave";
  return { ...refused("WAVE_ITEM_EXISTS"), faults: [{ part: "body", path, msg, code: "WAVE_ITEM_EXISTS" }] };
}
