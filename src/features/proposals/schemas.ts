import * as z from "zod";
import { ProposalArtifact, ProposalArtifactEvidenceBundle } from "../../contract/artifact.ts";
import { GateDecision } from "../../contract/gate.ts";
import { emptyMap } from "../../contract/maps.ts";
import { actorName } from "../../contract/person.ts";
import { ProposalResult } from "../../contract/proposal.ts";
import { RunStatus } from "../../contract/rules.ts";
import { freeObject, integerWithin, Hash, Timestamp } from "../../contract/scalars.ts";
import { shownAs, wireObject } from "../../contract/wire.ts";
import { pathParams } from "../../platform/http/filters.ts";
import { answer, linksBy } from "../../platform/http/route-docs.ts";
import { CreateBody, SimulateBody, VersionBody } from "./bodies.ts";

export const ProposalState = z
  .enum([
    "DRAFT",
    "RISK_REVIEW",
    "COMPLIANCE_REVIEW",
    "AWAITING_CLIENT_CONSENT",
    "EXECUTION_READY",
    "EXECUTED",
    "REJECTED",
    "CANCELLED",
    "EXPIRED",
  ])
  .meta({
    id: "ProposalState",
    description: "Where a proposal stands. EXECUTED, REJECTED, CANCELLED and EXPIRED are final.",
  });
export type ProposalState = z.output<typeof ProposalState>;

export const ProposalEventType = z
  .enum([
    "CREATED",
    "NEW_VERSION_CREATED",
    "SUBMITTED_FOR_RISK_REVIEW",
    "RISK_APPROVED",
    "SUBMITTED_FOR_COMPLIANCE_REVIEW",
    "COMPLIANCE_APPROVED",
    "CLIENT_CONSENT_RECORDED",
    "EXECUTION_REQUESTED",
    "EXECUTED",
    "REJECTED",
    "EXPIRED",
    "CANCELLED",
  ])
  .meta({ id: "ProposalEventType", description: "What can happen to a proposal." });
export type ProposalEventType = z.output<typeof ProposalEventType>;

export const ApprovalType = z
  .enum(["RISK", "COMPLIANCE", "CLIENT_CONSENT"])
  .meta({ id: "ApprovalType", description: "Who approves: RISK and COMPLIANCE reviewers, or the client." });
export type ApprovalType = z.output<typeof ApprovalType>;

/** What a version number of PostgreSQL's integer can be. */
const versionNo = integerWithin(0, 2_147_483_647);

/** Events that a caller can ask for: the others come with what else is done. */
export const ProposalTransitionEvent = ProposalEventType.exclude([
  "CREATED",
  "NEW_VERSION_CREATED",
  "EXECUTION_REQUESTED",
]).meta({ id: "ProposalTransitionEvent", description: "What a caller can make happen to a proposal." });

/** Any event is understood, and one of the others refused as one that is not legal in any state. */
const requestedEvent = ProposalEventType.meta({});
shownAs.set(requestedEvent, ProposalTransitionEvent);

export const ProposalStateTransitionRequest = wireObject({
  event_type: requestedEvent,
  actor_id: actorName,
  related_version_no: versionNo.nullable().default(null),
  reason: freeObject.default(() => emptyMap<unknown>()),
  expected_state: ProposalState.nullable().default(null),
}).meta({ id: "ProposalStateTransitionRequest", description: "An event that is to happen to a proposal." });
export type ProposalStateTransitionRequest = z.output<typeof ProposalStateTransitionRequest>;

export const ProposalApprovalRequest = wireObject({
  approval_type: ApprovalType,
  approved: z.boolean(),
  actor_id: actorName,
  related_version_no: versionNo.nullable().default(null),
  details: freeObject.default(() => emptyMap<unknown>()),
  expected_state: ProposalState.nullable().default(null),
}).meta({ id: "ProposalApprovalRequest", description: "An approval that is to be given or denied." });
export type ProposalApprovalRequest = z.output<typeof ProposalApprovalRequest>;

export const ProposalSummary = z
  .strictObject({
    proposal_id: z.string(),
    portfolio_id: z.string(),
    mandate_id: z.string().nullable(),
    jurisdiction: z.string().nullable(),
    created_by: z.string(),
    created_at: Timestamp,
    last_event_at: Timestamp,
    current_state: ProposalState,
    current_version_no: z.int(),
    title: z.string().nullable(),
  })
  .meta({ id: "ProposalSummary", description: "A proposal without its versions." });
export type ProposalSummary = z.output<typeof ProposalSummary>;

/** What `evidence_bundle` of a version is: the bundle, or empty where it was not asked for or is not kept. */
const ProposalVersionEvidence = z.strictObject(ProposalArtifactEvidenceBundle.partial().shape).meta({
  id: "ProposalVersionEvidence",
  description:
    "All inputs and outputs of a version with their hashes; empty where it was not asked for or is not kept.",
});

export const ProposalVersionDetail = z
  .strictObject({
    proposal_version_id: z.string(),
    proposal_id: z.string(),
    version_no: z.int(),
    created_at: Timestamp,
    request_hash: Hash,
    artifact_hash: Hash,
    simulation_hash: Hash,
    status_at_creation: RunStatus,
    proposal_result: ProposalResult,
    artifact: ProposalArtifact,
    evidence_bundle: ProposalVersionEvidence,
    authenticated_subject: z.string().nullable(),
    gate_decision: GateDecision.nullable(),
  })
  .meta({ id: "ProposalVersionDetail", description: "A version of a proposal; it is never changed." });
export type ProposalVersionDetail = z.output<typeof ProposalVersionDetail>;

export const ProposalWorkflowEvent = z
  .strictObject({
    event_id: z.string(),
    proposal_id: z.string(),
    event_type: ProposalEventType,
    from_state: ProposalState.nullable(),
    to_state: ProposalState,
    actor_id: z.string(),
    authenticated_subject: z.string().nullable(),
    occurred_at: Timestamp,
    reason: z.record(z.string(), z.unknown()),
    related_version_no: z.int().nullable(),
  })
  .meta({
    id: "ProposalWorkflowEvent",
    description: "Something that happened to a proposal; it is never changed.",
  });
export type ProposalWorkflowEvent = z.output<typeof ProposalWorkflowEvent>;

export const ProposalCreateResponse = z
  .strictObject({
    proposal: ProposalSummary,
    version: ProposalVersionDetail,
    latest_workflow_event: ProposalWorkflowEvent,
  })
  .meta({
    id: "ProposalCreateResponse",
    description: "A version that was added, with its proposal and event.",
  });
export type ProposalCreateResponse = z.output<typeof ProposalCreateResponse>;

export const ProposalApprovalRecord = z
  .strictObject({
    approval_id: z.string(),
    proposal_id: z.string(),
    approval_type: ApprovalType,
    approved: z.boolean(),
    actor_id: z.string(),
    authenticated_subject: z.string().nullable(),
    occurred_at: Timestamp,
    details: z.record(z.string(), z.unknown()),
    related_version_no: z.int().nullable(),
  })
  .meta({
    id: "ProposalApprovalRecord",
    description: "An approval that was given or denied; it is never changed.",
  });
export type ProposalApprovalRecord = z.output<typeof ProposalApprovalRecord>;

export const ProposalStateTransitionResponse = z
  .strictObject({
    proposal_id: z.string(),
    current_state: ProposalState,
    latest_workflow_event: ProposalWorkflowEvent,
    approval: ProposalApprovalRecord.nullable(),
  })
  .meta({
    id: "ProposalStateTransitionResponse",
    description: "The event that was written, and the state that it led to.",
  });
export type ProposalStateTransitionResponse = z.output<typeof ProposalStateTransitionResponse>;

/** What can be asked about a proposal that was created, and done with it. */
export const PROPOSAL_LINKS = linksBy(
  "proposal_id",
  "proposal/proposal_id",
  "getProposal",
  "listProposalEvents",
  "listProposalApprovals",
  "getProposalLineage",
  "getProposalReport",
  "verifyProposal",
  "createProposalVersion",
  "transitionProposal",
  "decideProposalApproval",
);

/** The same about a proposal that an event happened to. */
export const EVENT_LINKS = linksBy("proposal_id", "proposal_id", "getProposal", "listProposalEvents");

const tags = ["Proposals"];
const params = pathParams("proposal_id");

export const simulateProposal = {
  operationId: "simulateProposal",
  tags,
  summary: "Simulate an advisor's cash flows and trades",
  description: "The outcome is in `status`: READY, PENDING_REVIEW or BLOCKED.",
  body: SimulateBody,
  response: { 200: answer("The result.", ProposalResult) },
};

export const packageProposal = {
  operationId: "packageProposal",
  tags,
  summary: "Simulate and package for client, reviewer and file",
  description:
    "Takes the request of simulate and shares its keys: what one key has simulated is packaged, not simulated again. Equal requests have equal artifact hashes, on any day.",
  body: SimulateBody,
  response: { 200: answer("The artifact.", ProposalArtifact) },
};

export const createProposal = {
  operationId: "createProposal",
  tags,
  summary: "Create a proposal with its first version",
  description:
    "Simulates, packages and stores: proposal, version 1, its artifact and the event CREATED, all or nothing.",
  body: CreateBody,
  response: { 200: answer("The proposal in DRAFT.", ProposalCreateResponse) },
};

export const createProposalVersion = {
  operationId: "createProposalVersion",
  tags,
  summary: "Add a version to a proposal, whose review starts again",
  description:
    "Simulates, packages and stores: version, artifact and the event NEW_VERSION_CREATED, all or nothing. The proposal is a DRAFT again.",
  params,
  body: VersionBody,
  response: { 200: answer("The new version.", ProposalCreateResponse) },
};

const ORDER =
  "Of several reasons to refuse, the first of these is answered: no such proposal, the state is not the expected one, a newer version exists, not legal in this state, no such version, the version is not approved, the version is BLOCKED, the person. A refusal that depended on the state (409, 422) is kept with its key.";

export const transitionProposal = {
  operationId: "transitionProposal",
  tags,
  summary: "Record an event of the lifecycle",
  description: ORDER,
  params,
  body: ProposalStateTransitionRequest,
  response: { 200: answer("The event, and where it led.", ProposalStateTransitionResponse) },
};

export const decideProposalApproval = {
  operationId: "decideProposalApproval",
  tags,
  summary: "Give or deny an approval, with its event",
  description: `${ORDER} The maker of a version cannot give its RISK or COMPLIANCE approval, in whatever spelling of the name.`,
  params,
  body: ProposalApprovalRequest,
  response: { 200: answer("The approval and its event.", ProposalStateTransitionResponse) },
};
