import { plainError } from "../../platform/database/errors.ts";
import { pagesUpTo } from "../../platform/database/number-pages.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { createSharedRuns } from "../../platform/shared-runs.ts";
import { TimeLimitError } from "../../platform/time-limit.ts";
import { withDeadline, type Runtime } from "../../runtime.ts";
import { costOfEvents, HASH_AUDIT_EVENTS } from "./calculations.ts";
import { chainOf, chainsOf } from "./chain.ts";
import type { AuditHead } from "./event.ts";
import { findHead, findLastNumber, listEventsBetween } from "./repository.ts";
import type { AuditVerificationResponse } from "./schemas.ts";
import { checkEvents, checkHead, NOTHING_CHECKED, type ChainCheck } from "./verification.ts";

/** Bounds what a verification holds in memory, and what it asks of a thread at once: a refusal has at most 4 KiB. */
const EVENTS_PAGE = 500;
/** Of one chain. Whoever altered more has altered everything behind it. */
const MOST_FAILURES = 1_000;

/**
 * Where a chain stands, from one snapshot. Events get ever higher numbers and are never changed, so those up to the last of
 * the snapshot are the snapshot, whenever they are read.
 */
type ChainEnd = {
  readonly chain: string;
  readonly head: AuditHead | undefined;
  readonly lastNo: number;
};

export type VerifyAudit = (deps: Pick<Runtime, "database">, tenantId: string) => Promise<string>;

/**
 * Recomputes the chains that a tenant sees. Callers for whom they stand at the same place share one run; so whoever comes
 * after an event was written gets another, which sees it.
 */
export function createAuditVerification(runtime: Runtime): VerifyAudit {
  const runs = createSharedRuns<string>(runtime.config.server.verifyDeadlineMs);
  return async ({ database }, tenantId) => {
    const ends: ChainEnd[] = [];
    for (const chain of chainsOf(tenantId)) ends.push(await readEnd({ database }, chain));
    const name = canonicalJson(
      ends.map(({ chain, head, lastNo }) => [chain, head?.last_event_hash ?? null, lastNo]),
    );
    try {
      return await runs.join(name, database.deadline?.signal, (deadline) =>
        verify(withDeadline(runtime, deadline), ends),
      );
    } catch (error) {
      if (!(error instanceof TimeLimitError)) throw error;
      throw plainError("deadline_exceeded", "others still wait for the verification", error);
    }
  };
}

function readEnd({ database }: Pick<Runtime, "database">, chain: string): Promise<ChainEnd> {
  return inTransaction(database, { tenantId: chain, readOnly: true }, async (tx) => {
    const [head, lastNo] = await Promise.all([findHead(tx, chain), findLastNumber(tx, chain)]);
    return { chain, head, lastNo };
  });
}

async function verify(runtime: Runtime, ends: readonly ChainEnd[]): Promise<string> {
  const checked: { readonly end: ChainEnd; readonly check: ChainCheck }[] = [];
  for (const end of ends) checked.push({ end, check: await checkChain(runtime, end) });
  const failures = checked.flatMap(({ end, check }) =>
    check.findings.map((finding) => ({ chain: chainOf(end.chain), ...finding })),
  );
  const answer: AuditVerificationResponse = {
    valid: failures.length === 0,
    checked: { events: checked.reduce((sum, { check }) => sum + check.events, 0) },
    heads: ends.map(({ chain, head }) => ({
      chain: chainOf(chain),
      event_no: head?.last_event_no ?? 0,
      event_hash: head?.last_event_hash ?? null,
    })),
    failures,
  };
  return canonicalJson(answer);
}

async function checkChain({ database, calculations }: Runtime, end: ChainEnd): Promise<ChainCheck> {
  const { chain, head, lastNo } = end;
  const pages = pagesUpTo(
    lastNo,
    (range) =>
      inTransaction(database, { tenantId: chain, readOnly: true }, (tx) =>
        listEventsBetween(tx, chain, range, EVENTS_PAGE),
      ),
    ({ event_no }) => event_no,
  );
  let check = NOTHING_CHECKED;
  for await (const events of pages) {
    // Once the first page found a thread, the work is not thrown away because another has to wait for one.
    const terms = { cost: costOfEvents(events), waits: check.events > 0 };
    check = checkEvents(check, await calculations.run(HASH_AUDIT_EVENTS, events, terms));
    if (check.findings.length >= MOST_FAILURES)
      return { ...check, findings: check.findings.slice(0, MOST_FAILURES) };
  }
  return { ...check, findings: [...check.findings, ...checkHead(check, head)] };
}
