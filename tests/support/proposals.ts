import { orRefuse } from "../../src/platform/http/accepted.ts";
import { parseConfig } from "../../src/config/config.ts";
import { jsonNumber } from "../../src/contract/json-number.ts";
import { CreateBody, VersionBody, type DraftDocument } from "../../src/features/proposals/bodies.ts";
import type { KeyedCaller, LifecycleRules, Refused } from "../../src/features/proposals/core.ts";
import { createProposal } from "../../src/features/proposals/create-proposal.ts";
import { createVersion, prepareVersion, writeVersion } from "../../src/features/proposals/create-version.ts";
import { readProposal, readTimeline, type FoundText } from "../../src/features/proposals/read-proposals.ts";
import { recordApproval, recordTransition } from "../../src/features/proposals/record-event.ts";
import {
  ProposalApprovalRequest,
  ProposalCreateResponse,
  ProposalStateTransitionRequest,
} from "../../src/features/proposals/schemas.ts";
import { createVerification } from "../../src/features/proposals/verify-proposal.ts";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import type { WriteOutcome } from "../../src/platform/idempotency/write.ts";
import { createLog } from "../../src/platform/log.ts";
import { createMetrics } from "../../src/platform/metrics.ts";
import { wholeText } from "../../src/platform/text-parts.ts";
import { createRuntime, type Runtime } from "../../src/runtime.ts";
import { openTestDatabase } from "./databases.ts";
import { documentOf } from "./documents.ts";

export const TENANT = "tenant-a";

export type ProposalRules = LifecycleRules & { readonly storesEvidenceBundle: boolean };

/** What a command comes to, whichever it is. */
export type CommandOutcome = WriteOutcome<unknown> | Refused;

export const RULES: ProposalRules = {
  requiresExpectedState: true,
  requiresSegregationOfDuties: true,
  requiresSimulationFlag: true,
  allowsPortfolioChangeOnNewVersion: false,
  newVersionRestartsReview: true,
  allowsBlockedVersions: false,
  requiresDistinctApprovers: false,
  storesEvidenceBundle: true,
};

/** The runtime of one process: nothing is shared with another process but the database. */
export function proposalDeps(
  database: Database,
  change: { readonly rules?: Partial<ProposalRules>; readonly clock?: () => Date } = {},
): Runtime {
  const parsed = parseConfig({});
  const config = { ...parsed, proposals: { ...parsed.proposals, ...RULES, ...change.rules } };
  const { clock = () => new Date() } = change;
  const runtime = createRuntime({
    config,
    log: createLog("silent"),
    metrics: createMetrics(),
    database,
    clock,
  });
  return {
    ...runtime,
    engineVersion: "0.0.0-test",
    writes: { ...runtime.writes, turnWaitMs: 15_000 },
  };
}

let keys = 0;

export function caller(idempotencyKey = `key-${String((keys += 1))}`, tenantId = TENANT) {
  const instance = "/rebalance/proposals";
  return { tenantId, correlationId: "corr_test", idempotencyKey, instance, caller: null };
}

/** A small proposal: buys some units for cash that is there. */
export function simulateBody(change: { quantity?: string; portfolioId?: string; flag?: boolean } = {}) {
  const { quantity = "10", portfolioId = "pf_1", flag = true } = change;
  return {
    portfolio_snapshot: {
      portfolio_id: portfolioId,
      base_currency: "USD",
      positions: [{ instrument_id: "EQ_1", quantity: "100" }],
      cash_balances: [{ currency: "USD", amount: "1000" }],
    },
    market_data_snapshot: { prices: [{ instrument_id: "EQ_1", price: "10", currency: "USD" }], fx_rates: [] },
    shelf_entries: [{ instrument_id: "EQ_1", status: "APPROVED", asset_class: "EQUITY" }],
    options: { enable_proposal_simulation: flag },
    proposed_trades: [{ side: "BUY", instrument_id: "EQ_1", quantity }],
  };
}

/** A proposal for a portfolio of many positions; of 2,500 it is sent as half a MiB. */
export function largeSimulateBody(positions: number) {
  const ids = Array.from({ length: positions }, (_, at) => `EQ_${String(at + 1)}`);
  const small = simulateBody();
  return {
    ...small,
    portfolio_snapshot: {
      ...small.portfolio_snapshot,
      positions: ids.map((instrument_id) => ({ instrument_id, quantity: "100" })),
    },
    market_data_snapshot: {
      prices: ids.map((instrument_id) => ({ instrument_id, price: "10", currency: "USD" })),
      fx_rates: [],
    },
    shelf_entries: ids.map((instrument_id) => ({
      instrument_id,
      status: "APPROVED",
      asset_class: "EQUITY",
      attributes: { sector: "TECH" },
    })),
  };
}

export function createBody(change: Record<string, unknown> = {}): DraftDocument {
  return documentOf(CreateBody, {
    created_by: "maker",
    simulate_request: simulateBody(),
    metadata: { title: "Deploy cash", jurisdiction: "CH" },
    ...change,
  });
}

export function versionBody(change: Record<string, unknown> = {}): DraftDocument {
  return documentOf(VersionBody, { created_by: "maker", simulate_request: simulateBody(), ...change });
}

/** The body of an answer that was given; a refusal as its status and code. */
export function bodyOf(outcome: CommandOutcome): string {
  if (outcome.kind === "answered") return wholeText(outcome.answer.body);
  return outcome.kind === "refused" ? outcome.refusal.detail : outcome.kind;
}

/** `200`, or the status and code of a refusal. */
export function resultOf(outcome: CommandOutcome): string {
  if (outcome.kind === "refused") return `${String(outcome.refusal.status)} ${outcome.refusal.detail}`;
  if (outcome.kind !== "answered") return outcome.kind;
  const { status, body } = outcome.answer;
  if (status === 200) return "200";
  const problem: unknown = JSON.parse(wholeText(body));
  const detail = typeof problem === "object" && problem !== null && "detail" in problem ? problem.detail : "";
  return `${String(status)} ${String(detail)}`;
}

export function textOf(read: FoundText): string {
  return read.found ? wholeText(read.body) : `${String(read.refusal.status)} ${read.refusal.detail}`;
}

export async function newProposal(
  deps: Runtime,
  change: Record<string, unknown> = {},
): Promise<ProposalCreateResponse> {
  const outcome = await createProposal(deps, caller(), createBody(change));
  return ProposalCreateResponse.parse(JSON.parse(bodyOf(outcome)));
}

export function addVersion(
  deps: Runtime,
  proposalId: string,
  change: Record<string, unknown> = {},
  by: KeyedCaller = caller(),
): Promise<CommandOutcome> {
  return createVersion(deps, by, proposalId, versionBody(change));
}

/** Adds many versions of one content, as their calls would, but in one transaction. */
export async function addVersions(
  deps: Runtime,
  proposalId: string,
  count: number,
  change: Record<string, unknown> = {},
): Promise<void> {
  const prepared = orRefuse(
    await prepareVersion(deps, caller(), proposalId, versionBody(change), { cost: 0 }),
  );
  await inTransaction(deps.database, { tenantId: TENANT, deadlineMs: 60_000 }, async (tx) => {
    for (let added = 0; added < count; added += 1) {
      const ids = { proposal_version_id: deps.newId("ppv_"), event_id: deps.newId("pwe_") };
      const { accepted } = await writeVersion(deps, tx, { ...prepared, ...ids });
      if (!accepted) throw new Error("a version was refused");
    }
  });
}

/** An event as a caller asks for it; numbers as the strict reader would hand them over. */
export function move(
  deps: Runtime,
  proposalId: string,
  body: Record<string, unknown>,
  by: KeyedCaller = caller(),
): Promise<CommandOutcome> {
  const request = ProposalStateTransitionRequest.parse({ actor_id: "checker", ...wire(body) });
  return recordTransition(deps, by, proposalId, request);
}

export function decide(
  deps: Runtime,
  proposalId: string,
  body: Record<string, unknown>,
  by: KeyedCaller = caller(),
): Promise<CommandOutcome> {
  const request = ProposalApprovalRequest.parse({ actor_id: "checker", approved: true, ...wire(body) });
  return recordApproval(deps, by, proposalId, request);
}

function wire(body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      typeof value === "number" ? jsonNumber(String(value)) : value,
    ]),
  );
}

/** What verification says of a proposal. */
export async function verified(deps: Runtime, proposalId: string) {
  const read = await createVerification(deps)(deps, TENANT, proposalId);
  if (!read.found) throw new Error(read.refusal.detail);
  return JSON.parse(wholeText(read.body)) as {
    valid: boolean;
    checked: { versions: number; events: number; approvals: number };
    failures: { kind: string; id: string; reason: string }[];
  };
}

export async function stateOf(deps: Runtime, proposalId: string): Promise<string> {
  const read = await readTimeline(deps, TENANT, proposalId);
  return (JSON.parse(textOf(read)) as { current_state: string }).current_state;
}

export async function detailOf(deps: Runtime, proposalId: string, asOf?: string) {
  const read = await readProposal(deps, TENANT, proposalId, { includesEvidence: true, asOf });
  return textOf(read);
}

/** Several pools on one database, each as a process of its own would have it. */
export function openPools(url: string, count: number): Database[] {
  return Array.from({ length: count }, () => openTestDatabase(url));
}

export async function closePools(pools: readonly Database[]): Promise<void> {
  await Promise.all(pools.map((pool) => closeDatabase(pool)));
}
