import { plainError } from "../../platform/database/errors.ts";
import { pagesUpTo, type NumberRange } from "../../platform/database/number-pages.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { createSharedRuns } from "../../platform/shared-runs.ts";
import { TimeLimitError } from "../../platform/time-limit.ts";
import { withDeadline, type Runtime } from "../../runtime.ts";
import { CHECK_VERSIONS, costOfEvents, costOfVersions, HASH_EVENTS } from "./calculations.ts";
import type { CheckedVersion } from "./check-version.ts";
import { PROPOSAL_NOT_FOUND } from "./core.ts";
import type { ApprovalRow, EventRow } from "./event.ts";
import type { ProposalRow } from "./proposal.ts";
import type { FoundText } from "./read-proposals.ts";
import {
  findLastNumbers,
  findProposal,
  listApprovals,
  listEventsBetween,
  type LastNumbers,
} from "./repository/proposals.ts";
import { listWholeVersions, type PageSize } from "./repository/versions.ts";
import { verifyHistory, type Hashed } from "./verification.ts";

/** Bounds what a verification holds in memory, and what it asks of a thread at once. */
const VERSIONS_PAGE: PageSize = { rows: 100, bytes: 4 * 1_048_576 };
/** All but a few events are short: those of versions, whose reason is empty. */
const EVENTS_PAGE = 500;

/**
 * Where a proposal stands, from one snapshot. Events and versions get ever higher numbers and are never changed, so what
 * has none above the last of the snapshot is the snapshot, whenever it is read. The lifecycle allows a few approvals only.
 */
type Head = LastNumbers & { readonly proposal: ProposalRow; readonly approvals: readonly ApprovalRow[] };

export type VerifyProposal = (
  deps: Pick<Runtime, "database">,
  tenantId: string,
  proposalId: string,
) => Promise<FoundText>;

/**
 * Recomputes everything that is stored of a proposal. Callers for whom the proposal stands at the same place share one
 * run; so whoever has written to it since it began gets another, which sees that write.
 */
export function createVerification(runtime: Runtime): VerifyProposal {
  const runs = createSharedRuns<string>(runtime.config.server.verifyDeadlineMs);
  return async ({ database }, tenantId, proposalId) => {
    const head = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
      readHead(tx, tenantId, proposalId),
    );
    if (head === undefined) return { found: false, refusal: PROPOSAL_NOT_FOUND };
    const { proposal, last_event_no, last_version_no } = head;
    const name = canonicalJson([
      tenantId,
      proposalId,
      last_event_no,
      last_version_no,
      proposal.last_event_hash,
    ]);
    try {
      const body = await runs.join(name, database.deadline?.signal, (deadline) =>
        verify(withDeadline(runtime, deadline), tenantId, head),
      );
      return { found: true, body };
    } catch (error) {
      if (!(error instanceof TimeLimitError)) throw error;
      throw plainError("deadline_exceeded", "others still wait for the verification", error);
    }
  };
}

async function readHead(tx: Tx, tenantId: string, proposalId: string): Promise<Head | undefined> {
  const [proposal, numbers, approvals] = await Promise.all([
    findProposal(tx, tenantId, proposalId),
    findLastNumbers(tx, tenantId, proposalId),
    listApprovals(tx, tenantId, proposalId),
  ]);
  return proposal === undefined ? undefined : { proposal, ...numbers, approvals };
}

async function verify(runtime: Runtime, tenantId: string, head: Head): Promise<string> {
  const { proposal, approvals } = head;
  const events = await hashEvents(runtime, tenantId, head);
  const versions = await checkVersions(runtime, tenantId, head);
  const failures = verifyHistory(tenantId, { proposal, versions, events, approvals });
  const checked = { approvals: approvals.length, events: events.length, versions: versions.length };
  return canonicalJson({ checked, failures, valid: failures.length === 0 });
}

async function hashEvents(
  { database, calculations }: Runtime,
  tenantId: string,
  { proposal, last_event_no }: Head,
): Promise<Hashed<EventRow>[]> {
  const read = (range: NumberRange) =>
    inTransaction(database, { tenantId, readOnly: true }, (tx) =>
      listEventsBetween(tx, tenantId, proposal.proposal_id, range, EVENTS_PAGE),
    );
  const hashed: Hashed<EventRow>[] = [];
  for await (const events of pagesUpTo(last_event_no, read, ({ event_no }) => event_no)) {
    hashed.push(...(await calculations.run(HASH_EVENTS, events, { cost: costOfEvents(events) })));
  }
  return hashed;
}

async function checkVersions(
  { database, calculations }: Runtime,
  tenantId: string,
  { proposal, last_version_no }: Head,
): Promise<CheckedVersion[]> {
  const read = (range: NumberRange) =>
    inTransaction(database, { tenantId, readOnly: true }, (tx) =>
      listWholeVersions(tx, tenantId, proposal.proposal_id, range, VERSIONS_PAGE),
    );
  const checked: CheckedVersion[] = [];
  for await (const versions of pagesUpTo(last_version_no, read, ({ version_no }) => version_no)) {
    // Once the first page found a thread, the work is not thrown away because another has to wait for one.
    const terms = { cost: costOfVersions(versions), waits: checked.length > 0 };
    checked.push(...(await calculations.run(CHECK_VERSIONS, versions, terms)));
  }
  return checked;
}
