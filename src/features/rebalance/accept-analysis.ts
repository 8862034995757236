import { ANSWER_IN_RECORD, type IdempotencyScope } from "../../platform/idempotency/repository.ts";
import type { WriteOutcome } from "../../platform/idempotency/write.ts";
import { acceptOperation, type AcceptCaller, type AcceptDeps } from "../operations/accept-operation.ts";
import { dpmAcceptedText } from "../operations/core.ts";
import type { AcceptedOperation } from "../operations/repository/operations.ts";
import type { PackSelection } from "../policies/core.ts";
import type { BatchDocument } from "./bodies.ts";
import { lookAhead, type UnknownPack } from "./look-ahead.ts";

export const ANALYZE_ASYNC_SCOPE: IdempotencyScope = {
  name: "rebalance.analyze.async",
  inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_IN_RECORD,
};

/**
 * Accepts a batch for later, once for its key. It is judged by the pack that is in force now, and shaped by that one
 * whenever it is done: so its time is not before the pack came into force, by whichever clock.
 */
export async function acceptAnalysis(
  deps: AcceptDeps,
  caller: AcceptCaller & { readonly selection: PackSelection },
  document: BatchDocument,
): Promise<WriteOutcome<AcceptedOperation> | UnknownPack> {
  const { tenantId, selection, idempotencyKey } = caller;
  const names = { scope: ANALYZE_ASYNC_SCOPE, recordScope: ANALYZE_ASYNC_SCOPE.name };
  const key =
    idempotencyKey === null ? null : { tenantId, ...names, key: idempotencyKey, payloadHash: document.hash };
  const ahead = await lookAhead(deps.writes.database, tenantId, selection, key);
  if (ahead.stored !== undefined) return ahead.stored;
  if (ahead.isRefused) return { kind: "unknown_policy_pack" };
  return acceptOperation(deps, caller, {
    ...names,
    operation_type: "ANALYZE_SCENARIOS",
    request_text: document.text,
    request_hash: document.hash,
    proposal_id: null,
    created_by: null,
    policy_pack_id: selection.id,
    acceptedText: dpmAcceptedText,
    isLookedUp: ahead.isLookedUp,
    notBefore: ahead.policyPack?.valid_from,
  });
}
