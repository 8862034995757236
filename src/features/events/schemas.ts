import * as z from "zod";
import { RunStatus } from "../../contract/rules.ts";
import { Hash, Timestamp } from "../../contract/scalars.ts";
import { cursorOf } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  integerFilter,
  limitFilter,
  someOfFilter,
} from "../../platform/http/filters.ts";
import { answer, anyText } from "../../platform/http/route-docs.ts";
import { DpmOperationType, OperationStatus, ProposalOperationType } from "../operations/schemas.ts";
import { ProposalEventType, ProposalState } from "../proposals/schemas.ts";
import { WorkflowAction, WorkflowStatus } from "../reviews/schemas.ts";
import { WaveCounts, WaveEventType, WaveState } from "../waves/schemas.ts";

const name = z.string();
const nameOrNull = z.string().nullable();

const RunCreated = z
  .strictObject({
    rebalance_run_id: name,
    batch_run_id: nameOrNull,
    portfolio_id: name,
    status: RunStatus,
    correlation_id: name,
    request_hash: name,
    input_hash: Hash,
    result_hash: Hash,
    policy_pack_id: nameOrNull,
    policy_pack_version: nameOrNull,
    engine_version: name,
    authenticated_subject: nameOrNull,
  })
  .meta({ id: "RunCreatedData", description: "A run that was stored." });

const RunReviewed = z
  .strictObject({
    rebalance_run_id: name,
    decision_id: name,
    decision_no: z.int(),
    action: WorkflowAction,
    from_status: WorkflowStatus,
    to_status: WorkflowStatus,
    reason_code: name,
    actor_id: name,
    authenticated_subject: nameOrNull,
    correlation_id: name,
    decision_hash: Hash,
  })
  .meta({ id: "RunReviewedData", description: "A decision on a run." });

const ProposalStep = z
  .strictObject({
    proposal_id: name,
    event_id: name,
    event_no: z.int(),
    event_type: ProposalEventType,
    from_state: ProposalState.nullable(),
    to_state: ProposalState,
    version_no: z.int(),
    version_hash: Hash.nullable(),
    approval_id: nameOrNull,
    approval_hash: Hash.nullable(),
    actor_id: name,
    authenticated_subject: nameOrNull,
    correlation_id: name,
    event_hash: Hash,
  })
  .meta({
    id: "ProposalStepData",
    description:
      "A step in the history of a proposal; `version_hash` where it made a version, `approval_…` where it was an approval.",
  });

const FinishedOperationType = z
  .enum([...DpmOperationType.options, ...ProposalOperationType.options])
  .meta({ id: "FinishedOperationType", description: "What the operation does." });

const FinalOperationStatus = OperationStatus.extract(["SUCCEEDED", "FAILED", "CANCELLED"]).meta({
  id: "FinalOperationStatus",
  description: "How an operation ended.",
});

const OperationFinished = z
  .strictObject({
    operation_id: name,
    operation_type: FinishedOperationType,
    status: FinalOperationStatus,
    attempt: z.int(),
    error_code: nameOrNull,
    proposal_id: nameOrNull,
    created_by: nameOrNull,
    authenticated_subject: nameOrNull,
    correlation_id: name,
  })
  .meta({ id: "OperationFinishedData", description: "An operation that has ended." });

const PolicyPackChanged = z
  .strictObject({
    policy_pack_id: name,
    revision: z.int(),
    version: nameOrNull,
    definition_hash: Hash.nullable(),
    authenticated_subject: nameOrNull,
    correlation_id: name,
  })
  .meta({
    id: "PolicyPackChangedData",
    description:
      "A revision of a policy pack; `version` and `definition_hash` are null where the pack was deleted.",
  });

const WaveStep = z
  .strictObject({
    wave_id: name,
    event_id: name,
    event_no: z.int(),
    event_type: WaveEventType,
    from_state: WaveState.nullable(),
    to_state: WaveState,
    counts: WaveCounts,
    items_hash: Hash.nullable(),
    actor_id: nameOrNull,
    authenticated_subject: nameOrNull,
    correlation_id: name,
    event_hash: Hash,
  })
  .meta({
    id: "WaveStepData",
    description:
      "A step in the history of a wave, with its items as they stood; `items_hash` where it was over.",
  });

/** CloudEvents 1.0 in structured JSON: https://github.com/cloudevents/spec. */
function cloudEvent<const Type extends string, Data extends z.ZodType>(id: string, type: Type, data: Data) {
  const fields = z.strictObject({
    specversion: z.literal("1.0"),
    id: z.string().meta({ examples: ["evt_01980f5e8c6a4d2f9b3e4a5c6d7e8f90"] }),
    source: z.string().meta({
      description: "`/ballast/` and the tenant, escaped as in a URI.",
      examples: ["/ballast/default"],
    }),
    type: z.literal(type),
    subject: z.string().meta({ description: "The id of what it happened to." }),
    time: Timestamp,
    datacontenttype: z.literal("application/json"),
    data,
    traceparent: z
      .string()
      .optional()
      .meta({
        description: "W3C trace context of the request that wrote it, where there was one.",
        examples: ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
      }),
  });
  return fields.meta({ id, description: `\`${type}\`, as a CloudEvent.` });
}

/** Every type of event with its data. A trigger in the migrations writes it; a test holds the two together. */
const EVENTS = [
  cloudEvent("RunCreatedEvent", "ballast.run.created", RunCreated),
  cloudEvent("RunReviewedEvent", "ballast.run.reviewed", RunReviewed),
  cloudEvent("ProposalCreatedEvent", "ballast.proposal.created", ProposalStep),
  cloudEvent("ProposalVersionCreatedEvent", "ballast.proposal.version_created", ProposalStep),
  cloudEvent("ProposalTransitionedEvent", "ballast.proposal.transitioned", ProposalStep),
  cloudEvent("ProposalApprovedEvent", "ballast.proposal.approved", ProposalStep),
  cloudEvent("OperationFinishedEvent", "ballast.operation.finished", OperationFinished),
  cloudEvent("WaveCreatedEvent", "ballast.wave.created", WaveStep),
  cloudEvent("WavePortfoliosAddedEvent", "ballast.wave.portfolios_added", WaveStep),
  cloudEvent("WaveStartedEvent", "ballast.wave.started", WaveStep),
  cloudEvent("WavePausedEvent", "ballast.wave.paused", WaveStep),
  cloudEvent("WaveResumedEvent", "ballast.wave.resumed", WaveStep),
  cloudEvent("WaveCancelledEvent", "ballast.wave.cancelled", WaveStep),
  cloudEvent("WaveSettledEvent", "ballast.wave.settled", WaveStep),
  cloudEvent("WaveCompletedEvent", "ballast.wave.completed", WaveStep),
  cloudEvent("WaveCompletedWithFailuresEvent", "ballast.wave.completed_with_failures", WaveStep),
  cloudEvent("WaveFailedRetriedEvent", "ballast.wave.failed_retried", WaveStep),
  cloudEvent("PolicyPackChangedEvent", "ballast.policy_pack.changed", PolicyPackChanged),
] as const;

export const EVENT_TYPES: readonly string[] = EVENTS.map(({ shape }) => shape.type.value);

export const CloudEvent = z.discriminatedUnion("type", EVENTS).meta({
  id: "CloudEvent",
  description:
    "Something that was committed, as a CloudEvent; `type` says what. Later versions may add types: pass over one that you do not know.",
});
export type CloudEvent = z.output<typeof CloudEvent>;

export const EventPage = z
  .strictObject({
    events: z.array(CloudEvent),
    next_cursor: z.string().meta({
      description: "The `after` of the next request, also where the page is empty.",
      examples: ["W3siZXBvY2giOiIxNzk2MDcxNTI1OTA3MzI2In0sIjRmOWQyYTYxIl0"],
    }),
    as_of: Timestamp,
  })
  .meta({ id: "EventPage", description: "Events of the feed, oldest first." });
export type EventPage = z.output<typeof EventPage>;

/** Of a bigint or a transaction id; more digits than the database reaches in any time are none. */
const Digits = z.string().regex(/^(0|[1-9]\d{0,17})$/);

/** A place in the feed, in the order of the feed. */
export const FeedPosition = z.strictObject({ epoch: Digits, xid: Digits, sequence: Digits });
export type FeedPosition = z.output<typeof FeedPosition>;

export const feedCursor = cursorOf("events", FeedPosition);

export const MOST_EVENTS = 1_000;
export const MOST_WAIT_SECONDS = 30;

const tags = ["Events"];

const MEANING = `Everything that was committed for the tenant, in one order, the same for every reader: nothing is left out,
nothing comes twice. What a transaction wrote is shown once every transaction that began to write before it has ended.
Events are kept for \`EVENTS_KEPT_DAYS\`; a cursor from before what was purged is answered with 410 \`CURSOR_EXPIRED\`.`;

const ofTypes = someOfFilter(EVENT_TYPES, "Only events of these types, a comma list.");
const after = cursorFilter(feedCursor);

export const listEvents = {
  operationId: "listEvents",
  tags,
  summary: "The events after a cursor, oldest first",
  description: MEANING,
  querystring: filters({
    after,
    limit: limitFilter(MOST_EVENTS, 100),
    type: ofTypes,
    wait: integerFilter(
      0,
      MOST_WAIT_SECONDS,
      "Seconds that the answer is held back while there is none.",
    ).default(0),
  }),
  response: { 200: answer("The events, and the cursor of what comes after them.", EventPage) },
};

const SSE_EXAMPLE = `retry: 2000

id: W3siZXBvY2giOiIxNzk2MDcxNTI1OTA3MzI2In0sIjRmOWQyYTYxIl0
data: {"data":{…},"datacontenttype":"application/json","id":"evt_01980f5e8c6a4d2f9b3e4a5c6d7e8f90",…}

: 2026-01-15T09:30:15.000Z

`;

export const streamEvents = {
  operationId: "streamEvents",
  tags,
  summary: "The events after a cursor, as they come",
  description: `${MEANING}
Server-sent events: \`data\` is a CloudEvent as one line, \`id\` its cursor, which \`Last-Event-ID\` or \`after\` go on from.
A comment is a heartbeat. The stream ends with the token, after an hour, or when the service stops: connect again.`,
  querystring: filters({ after, type: ofTypes }),
  headers: { "Last-Event-ID": anyText("The last `id` that was received; it goes before `after`.") },
  response: {
    200: answer("The stream.", z.string(), { mediaType: "text/event-stream", example: SSE_EXAMPLE }),
  },
};
