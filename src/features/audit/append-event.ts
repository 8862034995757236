import type { Clock } from "../../platform/clock.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { write, type WriteDeps } from "../../platform/idempotency/write.ts";
import { headAt, sealEvent, type AuditEntry, type AuditHead } from "./event.ts";
import { eventExists, insertEvent, insertHead, lockHead, moveHead } from "./repository.ts";

/**
 * Appends to the chain of a tenant in the transaction of what happened, as its last step: the lock of the chain's end is
 * held until it ends. An entry whose id is there already is not appended again.
 */
export async function appendEvent(
  tx: Tx,
  tenantId: string,
  entry: AuditEntry,
  clock: Clock,
): Promise<"appended" | "known"> {
  const head = await lockChain(tx, tenantId);
  if (await eventExists(tx, tenantId, entry.event_id)) return "known";
  const event = sealEvent(tenantId, entry, head, clock);
  await Promise.all([insertEvent(tx, event), moveHead(tx, tenantId, headAt(event))]);
  return "appended";
}

/** Takes the lock that orders what is written to a chain, and begins the chain where there is none yet. */
export async function lockChain(tx: Tx, tenantId: string): Promise<AuditHead> {
  const head = await lockHead(tx, tenantId);
  if (head !== undefined) return head;
  await insertHead(tx, tenantId);
  const begun = await lockHead(tx, tenantId);
  if (begun === undefined) throw new Error("a chain of the audit was begun and is not there");
  return begun;
}

/**
 * Appends an entry in a transaction of its own, once: it is on disk when this resolves. Those of one chain take turns, so
 * that however many there are, a process holds one connection for them.
 */
export async function recordEvent(deps: WriteDeps, tenantId: string, entry: AuditEntry): Promise<void> {
  await write<AuditEntry, AuditEntry>(deps, {
    tenantId,
    key: null,
    aggregate: "audit",
    prepare: () => entry,
    write: async (tx) => {
      const end = await appendEvent(tx, tenantId, entry, deps.clock);
      return { answer: NONE, made: end === "appended" ? entry : null, record: null };
    },
    wasCommitted: (tx, made) => eventExists(tx, tenantId, made.event_id),
  });
}

/** The same of an entry that may well be there: that is looked up first, and costs neither a write nor a turn. */
export async function recordOnce(deps: WriteDeps, tenantId: string, entry: AuditEntry): Promise<void> {
  const context = { tenantId, readOnly: true, pipelineCommit: true };
  const isKnown = await inTransaction(deps.database, context, (tx) =>
    eventExists(tx, tenantId, entry.event_id),
  );
  if (!isKnown) await recordEvent(deps, tenantId, entry);
}

/** Nobody is answered by what is recorded. */
const NONE = { status: 204, body: "" };
