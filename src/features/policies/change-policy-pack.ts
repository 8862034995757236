import type { Tx } from "../../platform/database/transaction.ts";
import { subjectOf, type Authenticated } from "../../platform/http/context.ts";
import { write, type Written } from "../../platform/idempotency/write.ts";
import type { Runtime } from "../../runtime.ts";
import { appendEvent } from "../audit/append-event.ts";
import { policyPackEntry } from "../audit/core.ts";
import {
  deletePack,
  isPack,
  putPack,
  type PackChange,
  type PackRevision,
  type Preconditions,
  type StoredPack,
  type WriteContext,
} from "./core.ts";
import { findRevision, insertRevision, lockPack, revisionExists } from "./repository.ts";
import type { DpmPolicyPackUpsertRequest } from "./schemas.ts";

type Deps = Pick<Runtime, "writes" | "newId">;

/** Which pack of which tenant, and the request that changes it. */
export type PackRequest = Authenticated & {
  readonly tenantId: string;
  readonly policyPackId: string;
  readonly correlationId: string;
  readonly preconditions: Preconditions;
};

/** The pack in force after a PUT, or why it was refused. */
export type PutOutcome = StoredPack | "precondition_failed";

/** Puts a definition into force. A repetition of what is in force changes nothing. */
export async function putPolicyPack(
  deps: Deps,
  request: PackRequest,
  definition: DpmPolicyPackUpsertRequest,
): Promise<PutOutcome> {
  const change = await changePack(deps, request, (newest, context) =>
    putPack(request.policyPackId, newest, definition, request.preconditions, context),
  );
  if (change.kind === "unchanged") return change.pack;
  if (change.kind === "append" && isPack(change.revision)) return change.revision;
  return "precondition_failed";
}

/** Takes a pack out of force; what it was before stays readable with `as_of`. */
export async function deletePolicyPack(
  deps: Deps,
  request: PackRequest,
): Promise<"deleted" | "precondition_failed" | "not_found"> {
  const { kind } = await changePack(deps, request, (newest, context) =>
    deletePack(request.policyPackId, newest, request.preconditions, context),
  );
  if (kind === "not_found") return "not_found";
  return kind === "append" ? "deleted" : "precondition_failed";
}

/** `eventId` is of the audit event that goes with the change. */
type Prepared = WriteContext & { readonly eventId: string };

type Decide = (newest: PackRevision | undefined, context: WriteContext) => PackChange;

/** Writers of one pack take turns: each decides on what the one before it left. The audit gets the change with it. */
async function changePack(
  { writes, newId }: Deps,
  request: PackRequest,
  decide: Decide,
): Promise<PackChange> {
  const { tenantId, policyPackId, correlationId } = request;
  const outcome = await write<Prepared, PackChange>(writes, {
    tenantId,
    key: null,
    aggregate: `policy pack ${policyPackId}`,
    prepare: () => ({
      correlationId,
      authenticatedSubject: subjectOf(request),
      now: writes.clock(),
      eventId: newId("aev_"),
    }),
    write: async (tx, context, lost) => {
      await lockPack(tx, tenantId, policyPackId);
      // Revisions have no id of their own: only under the lock is it certain whether a lost COMMIT landed.
      if (lost !== null && (await isStored(tx, tenantId, lost))) return written(lost);
      const change = decide(await findRevision(tx, tenantId, policyPackId), context);
      if (change.kind === "append") {
        await insertRevision(tx, tenantId, change.revision);
        await appendEvent(tx, tenantId, policyPackEntry(change.revision, context.eventId), writes.clock);
      }
      return written(change);
    },
    wasCommitted: (tx, change) => isStored(tx, tenantId, change),
  });
  if (outcome.kind !== "answered" || outcome.made === null)
    throw new Error("a change of a pack came to nothing");
  return outcome.made;
}

async function isStored(tx: Tx, tenantId: string, change: PackChange): Promise<boolean> {
  return change.kind === "append" && revisionExists(tx, tenantId, change.revision);
}

/** The answer is made of the change, and not stored: there is no key to store it under. */
function written(made: PackChange): Written<PackChange> {
  return { answer: { status: 204, body: "" }, made, record: null };
}
