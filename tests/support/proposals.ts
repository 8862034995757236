import { jsonNumber } from "../../src/contract/json-number.ts";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import type { OnceDeps } from "../../src/platform/idempotency.ts";
import { newId } from "../../src/platform/ids.ts";
import { approve, transition } from "../../src/features/proposals/record-event.ts";
import {
  ProposalApprovalRequest,
  ProposalCreateRequest,
  ProposalCreateResponse,
  ProposalStateTransitionRequest,
  ProposalVersionRequest,
} from "../../src/features/proposals/schemas.ts";
import { createVersion } from "../../src/features/proposals/create-version.ts";
import { createProposal } from "../../src/features/proposals/create-proposal.ts";
import type { Caller, ProposalDeps, ProposalRules, WriteOutcome } from "../../src/features/proposals/deps.ts";
import { readProposal, readTimeline, type Reading } from "../../src/features/proposals/read.ts";
import { verifyProposal } from "../../src/features/proposals/verify.ts";
import { openTestDatabase } from "./databases.ts";

export const TENANT = "tenant-a";

export const RULES: ProposalRules = {
  requiresExpectedState: true,
  requiresSegregationOfDuties: true,
  requiresSimulationFlag: true,
  allowsPortfolioChangeOnNewVersion: false,
  storesEvidenceBundle: true,
};

/** Deps as one process has them: nothing is shared with another process but the database. */
export function proposalDeps(
  database: Database,
  change: { readonly rules?: Partial<ProposalRules>; readonly clock?: () => Date } = {},
): ProposalDeps {
  const clock = change.clock ?? (() => new Date());
  const once: OnceDeps = { database, clock, inFlight: new Map(), duplicateWaitMs: 15_000 };
  return {
    once,
    reads: { primary: database, replica: null },
    ids: newId,
    engineVersion: "0.0.0-test",
    rules: { ...RULES, ...change.rules },
  };
}

let keys = 0;

export function caller(idempotencyKey = `key-${String((keys += 1))}`, tenantId = TENANT) {
  return { tenantId, correlationId: "corr_test", idempotencyKey, instance: "/rebalance/proposals" };
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

export function createBody(change: Record<string, unknown> = {}): ProposalCreateRequest {
  return ProposalCreateRequest.parse({
    created_by: "maker",
    simulate_request: simulateBody(),
    metadata: { title: "Deploy cash", jurisdiction: "CH" },
    ...change,
  });
}

export function versionBody(change: Record<string, unknown> = {}): ProposalVersionRequest {
  return ProposalVersionRequest.parse({ created_by: "maker", simulate_request: simulateBody(), ...change });
}

/** The body of an answer that was given; a refusal as its status and code. */
export function bodyOf(outcome: WriteOutcome): string {
  if (outcome.kind === "answered") return outcome.answer.body;
  return outcome.kind === "refused" ? outcome.refusal.detail : outcome.kind;
}

/** `200`, or the status and code of a refusal. */
export function resultOf(outcome: WriteOutcome): string {
  if (outcome.kind === "refused") return `${String(outcome.refusal.status)} ${outcome.refusal.detail}`;
  if (outcome.kind !== "answered") return outcome.kind;
  const { status, body } = outcome.answer;
  if (status === 200) return "200";
  const problem: unknown = JSON.parse(body);
  const detail = typeof problem === "object" && problem !== null && "detail" in problem ? problem.detail : "";
  return `${String(status)} ${String(detail)}`;
}

export function readingOf(reading: Reading): string {
  return reading.found ? reading.body : `${String(reading.refusal.status)} ${reading.refusal.detail}`;
}

export async function newProposal(
  deps: ProposalDeps,
  change: Record<string, unknown> = {},
): Promise<ProposalCreateResponse> {
  const outcome = await createProposal(deps, caller(), createBody(change));
  return ProposalCreateResponse.parse(JSON.parse(bodyOf(outcome)));
}

export function addVersion(
  deps: ProposalDeps,
  proposalId: string,
  change: Record<string, unknown> = {},
  by: Caller & { idempotencyKey: string } = caller(),
): Promise<WriteOutcome> {
  return createVersion(deps, by, proposalId, versionBody(change));
}

/** An event as a caller asks for it; numbers as the strict reader would hand them over. */
export function move(
  deps: ProposalDeps,
  proposalId: string,
  body: Record<string, unknown>,
  by: Caller & { idempotencyKey: string } = caller(),
): Promise<WriteOutcome> {
  const request = ProposalStateTransitionRequest.parse({ actor_id: "checker", ...wire(body) });
  return transition(deps, by, proposalId, request);
}

export function decide(
  deps: ProposalDeps,
  proposalId: string,
  body: Record<string, unknown>,
  by: Caller & { idempotencyKey: string } = caller(),
): Promise<WriteOutcome> {
  const request = ProposalApprovalRequest.parse({ actor_id: "checker", approved: true, ...wire(body) });
  return approve(deps, by, proposalId, request);
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
export async function verified(deps: ProposalDeps, proposalId: string) {
  const reading = await verifyProposal(deps, TENANT, proposalId);
  if (!reading.found) throw new Error(reading.refusal.detail);
  return JSON.parse(reading.body) as {
    valid: boolean;
    checked: { versions: number; events: number; approvals: number };
    failures: { kind: string; id: string; reason: string }[];
  };
}

export async function stateOf(deps: ProposalDeps, proposalId: string): Promise<string> {
  const reading = await readTimeline(deps, TENANT, proposalId, undefined);
  return (JSON.parse(readingOf(reading)) as { current_state: string }).current_state;
}

export async function detailOf(deps: ProposalDeps, proposalId: string, asOf?: string) {
  const reading = await readProposal(deps, TENANT, proposalId, { includesEvidence: true, asOf });
  return readingOf(reading);
}

/** Several doors to one database, each as a process of its own would have it. */
export function openDoors(url: string, count: number): Database[] {
  return Array.from({ length: count }, () => openTestDatabase(url));
}

export async function closeDoors(doors: readonly Database[]): Promise<void> {
  await Promise.all(doors.map((door) => closeDatabase(door)));
}
