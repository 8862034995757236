import * as z from "zod";
import { GateDecision } from "../../contract/gate.ts";
import { pageOf } from "../../contract/page.ts";
import { RunStatus } from "../../contract/rules.ts";
import { Hash, Timestamp } from "../../contract/scalars.ts";
import { cursorOf, TimePosition } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  flagFilter,
  limitFilter,
  nameFilter,
  oneOfFilter,
  pathNumber,
  pathParams,
  asOfFilter,
  fromFilter,
  toFilter,
} from "../../platform/http/filters.ts";
import { answer } from "../../platform/http/route-docs.ts";
import {
  ProposalApprovalRecord,
  ProposalState,
  ProposalSummary,
  ProposalVersionDetail,
  ProposalWorkflowEvent,
} from "./schemas.ts";

/** The answers of the routes that read, and those routes. */

export const ProposalDetailResponse = z
  .strictObject({
    proposal: ProposalSummary,
    current_version: ProposalVersionDetail,
    last_gate_decision: GateDecision.nullable(),
  })
  .meta({ id: "ProposalDetailResponse", description: "A proposal with its current version." });
export type ProposalDetailResponse = z.output<typeof ProposalDetailResponse>;

export const ProposalListResponse = pageOf(ProposalSummary).meta({
  id: "ProposalListResponse",
  description: "One page of proposals, newest first.",
});
export type ProposalListResponse = z.output<typeof ProposalListResponse>;

const ProposalVersionLineageItem = z
  .strictObject({
    proposal_version_id: z.string(),
    version_no: z.int(),
    created_at: Timestamp,
    status_at_creation: RunStatus,
    request_hash: Hash,
    simulation_hash: Hash,
    artifact_hash: Hash,
  })
  .meta({ id: "ProposalVersionLineageItem", description: "A version of a proposal with its hashes." });

export const ProposalLineageResponse = z
  .strictObject({ proposal: ProposalSummary, versions: z.array(ProposalVersionLineageItem) })
  .meta({ id: "ProposalLineageResponse", description: "The versions of a proposal with their hashes." });
export type ProposalLineageResponse = z.output<typeof ProposalLineageResponse>;

export const ProposalWorkflowTimelineResponse = z
  .strictObject({
    proposal_id: z.string(),
    current_state: ProposalState,
    events: z.array(ProposalWorkflowEvent),
  })
  .meta({ id: "ProposalWorkflowTimelineResponse", description: "Everything that happened to a proposal." });
export type ProposalWorkflowTimelineResponse = z.output<typeof ProposalWorkflowTimelineResponse>;

export const ProposalApprovalsResponse = z
  .strictObject({ proposal_id: z.string(), approvals: z.array(ProposalApprovalRecord) })
  .meta({ id: "ProposalApprovalsResponse", description: "The approvals of a proposal." });
export type ProposalApprovalsResponse = z.output<typeof ProposalApprovalsResponse>;

export const ProposalIdempotencyLookupResponse = z
  .strictObject({
    idempotency_key: z.string(),
    request_hash: Hash,
    proposal_id: z.string(),
    proposal_version_no: z.int(),
    created_at: Timestamp,
  })
  .meta({ id: "ProposalIdempotencyLookupResponse", description: "What a key made." });
export type ProposalIdempotencyLookupResponse = z.output<typeof ProposalIdempotencyLookupResponse>;

export const ProposalSupportabilityConfigResponse = z
  .strictObject({
    store_backend: z.string(),
    backend_ready: z.boolean(),
    backend_init_error: z.string().nullable(),
    lifecycle_enabled: z.boolean(),
    support_apis_enabled: z.boolean(),
    async_operations_enabled: z.boolean(),
    store_evidence_bundle: z.boolean(),
    require_expected_state: z.boolean(),
    allow_portfolio_id_change_on_new_version: z.boolean(),
    require_proposal_simulation_flag: z.boolean(),
  })
  .meta({
    id: "ProposalSupportabilityConfigResponse",
    description: "The configuration in force, and whether the store is ready.",
  });
export type ProposalSupportabilityConfigResponse = z.output<typeof ProposalSupportabilityConfigResponse>;

const ProposalVerificationFailure = z
  .strictObject({
    kind: z
      .enum(["proposal", "version", "event", "approval"])
      .meta({ id: "ProposalRecordKind", description: "The kinds of records of a proposal." }),
    id: z.string(),
    reason: z.string(),
  })
  .meta({ id: "ProposalVerificationFailure", description: "A record that does not hold." });

/** Whether what is stored of a proposal still is what was stored, and the first that is not. */
export const ProposalVerificationResponse = z
  .strictObject({
    valid: z.boolean(),
    checked: z.strictObject({ versions: z.int(), events: z.int(), approvals: z.int() }).meta({
      id: "ProposalVerificationCounts",
      description: "How many records of each kind were looked at.",
    }),
    failures: z.array(ProposalVerificationFailure),
  })
  .meta({
    id: "ProposalVerificationResponse",
    description: "Whether what is stored of a proposal still is what was stored.",
  });
export type ProposalVerificationResponse = z.output<typeof ProposalVerificationResponse>;

export const proposalCursor = cursorOf("proposals", TimePosition);

const tags = ["Proposals"];
const params = pathParams("proposal_id");

export const listProposals = {
  operationId: "listProposals",
  tags,
  summary: "Proposals, newest first",
  description: "Filters are combined; a page is stable while proposals are added.",
  querystring: filters({
    portfolio_id: nameFilter,
    state: oneOfFilter(ProposalState),
    created_by: nameFilter,
    created_from: fromFilter,
    created_to: toFilter,
    limit: limitFilter(100, 20),
    cursor: cursorFilter(proposalCursor),
  }),
  response: { 200: answer("One page of proposals.", ProposalListResponse) },
};

export const getProposal = {
  operationId: "getProposal",
  tags,
  summary: "A proposal with its current version, now or as of a moment",
  description: "As of a moment, state and version come from the events up to it alone.",
  params,
  querystring: filters({ include_evidence: flagFilter(true), as_of: asOfFilter }),
  response: { 200: answer("The proposal.", ProposalDetailResponse) },
};

export const getProposalVersion = {
  operationId: "getProposalVersion",
  tags,
  summary: "A version as it was created",
  description: "Result and artifact are the bytes that were stored when it was made.",
  params: pathParams("proposal_id").extend({ version_no: pathNumber }),
  querystring: filters({ include_evidence: flagFilter(true) }),
  response: { 200: answer("The version.", ProposalVersionDetail) },
};

export const listProposalEvents = {
  operationId: "listProposalEvents",
  tags,
  summary: "Everything that happened to a proposal, oldest first, now or as of a moment",
  description: "Events are numbered without gaps and hash-chained; `current_state` is where they lead.",
  params,
  querystring: filters({ as_of: asOfFilter }),
  response: { 200: answer("The timeline.", ProposalWorkflowTimelineResponse) },
};

export const listProposalApprovals = {
  operationId: "listProposalApprovals",
  tags,
  summary: "The approvals of a proposal, given and denied, oldest first",
  description: "Each names the version that it is about.",
  params,
  response: { 200: answer("The approvals.", ProposalApprovalsResponse) },
};

export const getProposalLineage = {
  operationId: "getProposalLineage",
  tags,
  summary: "The versions of a proposal with their hashes",
  description: "Oldest first.",
  params,
  response: { 200: answer("The lineage.", ProposalLineageResponse) },
};

export const verifyProposal = {
  operationId: "verifyProposal",
  tags,
  summary: "Recompute everything that is stored of a proposal",
  description:
    "Hashes from the stored bytes, results from the stored requests, the chain of events and every transition in it. `failures` names what was altered, is missing or was swapped, events first, in the order of the history. It takes longer than other requests (`VERIFY_DEADLINE_MS`); callers of the same proposal at once share one verification.",
  params,
  response: { 200: answer("What was checked and what fails.", ProposalVerificationResponse) },
};

export const getProposalByIdempotencyKey = {
  operationId: "getProposalByIdempotencyKey",
  tags,
  summary: "What a key made: a proposal, or the newest version that was added under it",
  description: "A key of createProposal, createProposalVersion or their asynchronous forms.",
  params: pathParams("idempotency_key"),
  response: { 200: answer("The mapping.", ProposalIdempotencyLookupResponse) },
};

export const getProposalConfig = {
  operationId: "getProposalConfig",
  tags,
  summary: "The configuration in force, and whether the store is ready",
  description: "Answers whatever is switched off.",
  response: { 200: answer("The configuration.", ProposalSupportabilityConfigResponse) },
};
