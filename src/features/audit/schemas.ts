import * as z from "zod";
import { pageOf } from "../../contract/page.ts";
import { Hash, Timestamp } from "../../contract/scalars.ts";
import { shownAs } from "../../contract/wire.ts";
import { cursorOf, PositionId, PositionTime } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  fromFilter,
  limitFilter,
  nameFilter,
  oneOfFilter,
  toFilter,
} from "../../platform/http/filters.ts";
import { answer } from "../../platform/http/route-docs.ts";

export const AuditAction = z
  .enum(["REQUEST_REFUSED", "POLICY_PACK_PUT", "POLICY_PACK_DELETED", "RETENTION_SET", "PROCESS_STARTED"])
  .meta({ id: "AuditAction", description: "What happened." });
export type AuditAction = z.output<typeof AuditAction>;

const Chain = z.enum(["TENANT", "DEPLOYMENT"]).meta({
  id: "AuditChain",
  description: "The chain of the tenant, or that of the deployment which it is in.",
});

/** Of REQUEST_REFUSED. `code` is that of the answer; a long path is cut. */
const RefusalDetails = z
  .strictObject({
    code: z.string(),
    method: z.string(),
    path: z.string(),
    idempotency_key: z.string().nullable(),
    required_scopes: z.array(z.string()).nullable(),
    token_id: z.string().nullable(),
  })
  .meta({
    id: "AuditRefusalDetails",
    description: "Of REQUEST_REFUSED: what was asked, and why it was refused. A long path is cut.",
  });
export type RefusalDetails = z.output<typeof RefusalDetails>;

/** Of POLICY_PACK_PUT and, with nulls, of POLICY_PACK_DELETED. */
const PolicyPackDetails = z
  .strictObject({
    policy_pack_id: z.string(),
    revision: z.int(),
    version: z.string().nullable(),
    definition_hash: Hash.nullable(),
  })
  .meta({
    id: "AuditPolicyPackDetails",
    description:
      "Of POLICY_PACK_PUT and, with nulls, of POLICY_PACK_DELETED: which revision came into force.",
  });
export type PolicyPackDetails = z.output<typeof PolicyPackDetails>;

/** Null: for ever. */
const RetentionSeconds = z
  .strictObject({
    RUN: z.number().nullable(),
    OPERATION: z.number().nullable(),
    EVENT: z.number().nullable(),
  })
  .meta({ id: "AuditRetentions", description: "For how many seconds things are stored; null: for ever." });

/** Of RETENTION_SET: what the process says, and what rules in the database since then. */
export const RetentionDetails = z
  .strictObject({ configured: RetentionSeconds, ruling: RetentionSeconds })
  .meta({
    id: "AuditRetentionDetails",
    description: "Of RETENTION_SET: how long things are stored, as the process says and as rules.",
  });
export type RetentionDetails = z.output<typeof RetentionDetails>;

const AuditedProgram = z
  .enum(["service", "worker"])
  .meta({ id: "AuditedProgram", description: "What a process does: serve and work, or work alone." });

/** Any value: for a union with a list of texts, a generator of Java makes code that does not compile. */
const VariableValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).nullable();
shownAs.set(VariableValue, z.unknown());

/** Of PROCESS_STARTED: what the process is, and every variable as it is in force. */
const StartDetails = z
  .strictObject({
    program: AuditedProgram,
    version: z.string(),
    started_at: Timestamp,
    variables: z.record(z.string(), VariableValue),
  })
  .meta({
    id: "AuditStartDetails",
    description: "Of PROCESS_STARTED: what the process is, and every variable as it is in force.",
  });
export type StartDetails = z.output<typeof StartDetails>;

const AuditEventResponse = z
  .strictObject({
    event_id: z.string(),
    event_no: z.int(),
    chain: Chain,
    action: AuditAction,
    actor_id: z.string().nullable(),
    authenticated_subject: z.string().nullable(),
    occurred_at: Timestamp,
    correlation_id: z.string().nullable(),
    details: z.union([RefusalDetails, PolicyPackDetails, RetentionDetails, StartDetails]),
    previous_hash: Hash.nullable(),
    event_hash: Hash,
  })
  .meta({ id: "AuditEvent", description: "An event of the audit, and its place in the chain." });

export const AuditEventListResponse = pageOf(AuditEventResponse).meta({
  id: "AuditEventListResponse",
  description: "One page of the audit.",
});
export type AuditEventListResponse = z.output<typeof AuditEventListResponse>;

const AuditChecked = z
  .strictObject({ events: z.int() })
  .meta({ id: "AuditChecked", description: "How much was checked." });

const AuditHeadResponse = z
  .strictObject({ chain: Chain, event_no: z.int(), event_hash: Hash.nullable() })
  .meta({ id: "AuditHead", description: "Where a chain ends." });

const AuditFailureKind = z
  .enum(["event", "head"])
  .meta({ id: "AuditFailureKind", description: "What is wrong: an event, or the end of a chain." });

const AuditFailure = z
  .strictObject({ chain: Chain, kind: AuditFailureKind, id: z.string(), reason: z.string() })
  .meta({ id: "AuditFailure", description: "What was altered, is missing or was added." });

export const AuditVerificationResponse = z
  .strictObject({
    valid: z.boolean(),
    checked: AuditChecked,
    heads: z.array(AuditHeadResponse),
    failures: z.array(AuditFailure),
  })
  .meta({
    id: "AuditVerificationResponse",
    description: "Whether what is stored of the audit still is what was stored.",
  });
export type AuditVerificationResponse = z.output<typeof AuditVerificationResponse>;

/** Two events of a chain may share a millisecond, which their numbers order; two of different chains, their ids. */
const AuditPosition = z.strictObject({
  occurred_at: PositionTime,
  event_no: z.int().positive(),
  event_id: PositionId,
});
export type AuditPosition = z.output<typeof AuditPosition>;

export const auditCursor = cursorOf("audit events", AuditPosition);

const tags = ["Audit"];

export const listAuditEvents = {
  operationId: "listAuditEvents",
  tags,
  summary: "What the audit of the tenant, and of the deployment that it is in, records, newest first",
  description:
    "Requests of known callers that were refused with 403, changes of policy packs, and of the deployment its retentions and every start with the variables in force.",
  querystring: filters({
    actor: nameFilter.meta({ description: "Who did it: the subject of a token, or a process." }),
    action: oneOfFilter(AuditAction),
    from: fromFilter,
    to: toFilter,
    limit: limitFilter(200, 50),
    cursor: cursorFilter(auditCursor),
  }),
  response: { 200: answer("One page of events.", AuditEventListResponse) },
};

export const verifyAudit = {
  operationId: "verifyAudit",
  tags,
  summary: "Recompute the chains of the audit of the tenant and of the deployment",
  description:
    "`failures` names what was altered, is missing or was added, in the order of each chain; after 1,000 of them it stops. It takes longer than other requests (`VERIFY_DEADLINE_MS`); callers at once share one verification.",
  response: { 200: answer("What was checked and what fails.", AuditVerificationResponse) },
};
