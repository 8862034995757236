import * as z from "zod";
import { ProposalArtifact } from "../../contract/artifact.ts";
import { GateDecision } from "../../contract/gate.ts";
import { emptyMap } from "../../contract/maps.ts";
import { pageOf } from "../../contract/page.ts";
import { ProposalResult, ProposalSimulateRequest } from "../../contract/proposal.ts";
import { RunStatus } from "../../contract/rules.ts";
import { freeObject, identifier, integerWithin, Hash, text, Timestamp } from "../../contract/scalars.ts";
import { wireObject } from "../../contract/wire.ts";

export const ProposalState = z.enum([
  "DRAFT",
  "RISK_REVIEW",
  "COMPLIANCE_REVIEW",
  "AWAITING_CLIENT_CONSENT",
  "EXECUTION_READY",
  "EXECUTED",
  "REJECTED",
  "CANCELLED",
  "EXPIRED",
]);
export type ProposalState = z.output<typeof ProposalState>;

export const ProposalEventType = z.enum([
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
]);
export type ProposalEventType = z.output<typeof ProposalEventType>;

export const ApprovalType = z.enum(["RISK", "COMPLIANCE", "CLIENT_CONSENT"]);
export type ApprovalType = z.output<typeof ApprovalType>;

/** What a version number of PostgreSQL's integer can be. */
const versionNo = integerWithin(0, 2_147_483_647);

const optionalText = text.nullable().default(null);

export const ProposalCreateMetadata = wireObject({
  title: optionalText,
  advisor_notes: optionalText,
  jurisdiction: optionalText,
  mandate_id: identifier.nullable().default(null),
}).meta({ id: "ProposalCreateMetadata" });
export type ProposalCreateMetadata = z.output<typeof ProposalCreateMetadata>;

export const ProposalCreateRequest = wireObject({
  created_by: identifier,
  simulate_request: ProposalSimulateRequest,
  metadata: ProposalCreateMetadata.prefault({}),
}).meta({ id: "ProposalCreateRequest" });
export type ProposalCreateRequest = z.output<typeof ProposalCreateRequest>;

export const ProposalVersionRequest = wireObject({
  created_by: identifier,
  simulate_request: ProposalSimulateRequest,
}).meta({ id: "ProposalVersionRequest" });
export type ProposalVersionRequest = z.output<typeof ProposalVersionRequest>;

export const ProposalStateTransitionRequest = wireObject({
  event_type: ProposalEventType,
  actor_id: identifier,
  related_version_no: versionNo.nullable().default(null),
  reason: freeObject.default(() => emptyMap<unknown>()),
  expected_state: ProposalState.nullable().default(null),
}).meta({ id: "ProposalStateTransitionRequest" });
export type ProposalStateTransitionRequest = z.output<typeof ProposalStateTransitionRequest>;

export const ProposalApprovalRequest = wireObject({
  approval_type: ApprovalType,
  approved: z.boolean(),
  actor_id: identifier,
  related_version_no: versionNo.nullable().default(null),
  details: freeObject.default(() => emptyMap<unknown>()),
  expected_state: ProposalState.nullable().default(null),
}).meta({ id: "ProposalApprovalRequest" });
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
  .meta({ id: "ProposalSummary" });
export type ProposalSummary = z.output<typeof ProposalSummary>;

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
    evidence_bundle: z.record(z.string(), z.unknown()),
    gate_decision: GateDecision.nullable(),
  })
  .meta({ id: "ProposalVersionDetail" });
export type ProposalVersionDetail = z.output<typeof ProposalVersionDetail>;

export const ProposalWorkflowEvent = z
  .strictObject({
    event_id: z.string(),
    proposal_id: z.string(),
    event_type: ProposalEventType,
    from_state: ProposalState.nullable(),
    to_state: ProposalState,
    actor_id: z.string(),
    occurred_at: Timestamp,
    reason: z.record(z.string(), z.unknown()),
    related_version_no: z.int().nullable(),
  })
  .meta({ id: "ProposalWorkflowEvent" });
export type ProposalWorkflowEvent = z.output<typeof ProposalWorkflowEvent>;

export const ProposalCreateResponse = z
  .strictObject({
    proposal: ProposalSummary,
    version: ProposalVersionDetail,
    latest_workflow_event: ProposalWorkflowEvent,
  })
  .meta({ id: "ProposalCreateResponse" });
export type ProposalCreateResponse = z.output<typeof ProposalCreateResponse>;

export const ProposalDetailResponse = z
  .strictObject({
    proposal: ProposalSummary,
    current_version: ProposalVersionDetail,
    last_gate_decision: GateDecision.nullable(),
  })
  .meta({ id: "ProposalDetailResponse" });
export type ProposalDetailResponse = z.output<typeof ProposalDetailResponse>;

export const ProposalListResponse = pageOf(ProposalSummary).meta({ id: "ProposalListResponse" });
export type ProposalListResponse = z.output<typeof ProposalListResponse>;

export const ProposalApprovalRecord = z
  .strictObject({
    approval_id: z.string(),
    proposal_id: z.string(),
    approval_type: ApprovalType,
    approved: z.boolean(),
    actor_id: z.string(),
    occurred_at: Timestamp,
    details: z.record(z.string(), z.unknown()),
    related_version_no: z.int().nullable(),
  })
  .meta({ id: "ProposalApprovalRecord" });
export type ProposalApprovalRecord = z.output<typeof ProposalApprovalRecord>;

export const ProposalStateTransitionResponse = z
  .strictObject({
    proposal_id: z.string(),
    current_state: ProposalState,
    latest_workflow_event: ProposalWorkflowEvent,
    approval: ProposalApprovalRecord.nullable(),
  })
  .meta({ id: "ProposalStateTransitionResponse" });
export type ProposalStateTransitionResponse = z.output<typeof ProposalStateTransitionResponse>;

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
  .meta({ id: "ProposalVersionLineageItem" });

export const ProposalLineageResponse = z
  .strictObject({ proposal: ProposalSummary, versions: z.array(ProposalVersionLineageItem) })
  .meta({ id: "ProposalLineageResponse" });
export type ProposalLineageResponse = z.output<typeof ProposalLineageResponse>;

export const ProposalWorkflowTimelineResponse = z
  .strictObject({
    proposal_id: z.string(),
    current_state: ProposalState,
    events: z.array(ProposalWorkflowEvent),
  })
  .meta({ id: "ProposalWorkflowTimelineResponse" });
export type ProposalWorkflowTimelineResponse = z.output<typeof ProposalWorkflowTimelineResponse>;

export const ProposalApprovalsResponse = z
  .strictObject({ proposal_id: z.string(), approvals: z.array(ProposalApprovalRecord) })
  .meta({ id: "ProposalApprovalsResponse" });
export type ProposalApprovalsResponse = z.output<typeof ProposalApprovalsResponse>;

export const ProposalIdempotencyLookupResponse = z
  .strictObject({
    idempotency_key: z.string(),
    request_hash: Hash,
    proposal_id: z.string(),
    proposal_version_no: z.int(),
    created_at: Timestamp,
  })
  .meta({ id: "ProposalIdempotencyLookupResponse" });
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
  .meta({ id: "ProposalSupportabilityConfigResponse" });
export type ProposalSupportabilityConfigResponse = z.output<typeof ProposalSupportabilityConfigResponse>;

/** Whether what is stored of a proposal still is what was stored, and the first that is not. */
export const ProposalVerificationResponse = z
  .strictObject({
    valid: z.boolean(),
    checked: z.strictObject({ versions: z.int(), events: z.int(), approvals: z.int() }),
    failures: z.array(
      z.strictObject({
        kind: z.enum(["proposal", "version", "event", "approval"]),
        id: z.string(),
        reason: z.string(),
      }),
    ),
  })
  .meta({ id: "ProposalVerificationResponse" });
export type ProposalVerificationResponse = z.output<typeof ProposalVerificationResponse>;
