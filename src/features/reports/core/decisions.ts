import { isJsonObject } from "../../../contract/wire.ts";
import { canonicalJson } from "../../../platform/json/canonical-json.ts";
import { readJsonBody } from "../../../platform/json/read-json.ts";
import type { ApprovalRow, EventRow } from "../../proposals/event.ts";
import type { RunDecision } from "../../reviews/core.ts";
import type { Approval, Decisions, Details, HistoryItem, Person, Waiver } from "./report.ts";

/** Of one text that was given with a decision. */
const MOST_CHARACTERS = 500;

export const NOT_SHOWN: Decisions = { isShown: false, approvals: [], history: [], earlier: 0 };

/** The events that decide, and what they decide. */
const VERDICTS: Readonly<Record<string, { readonly type: string; readonly approved: boolean }>> = {
  RISK_APPROVED: { type: "RISK", approved: true },
  COMPLIANCE_APPROVED: { type: "COMPLIANCE", approved: true },
  CLIENT_CONSENT_RECORDED: { type: "CLIENT_CONSENT", approved: true },
  REJECTED: { type: "REJECTED", approved: false },
};

export type ProposalHistory = {
  readonly approvals: readonly ApprovalRow[];
  /** The newest, oldest first. */
  readonly events: readonly EventRow[];
};

/** Who approved or denied what, with an approval or by an event alone, and everything that happened. */
export function decisionsOfProposal({ approvals, events }: ProposalHistory): Decisions {
  const eventByNo = new Map(events.map((event) => [event.event_no, event]));
  const given = approvals.map((approval) => ({
    no: approval.event_no,
    approval: approvalOf(approval, eventByNo.get(approval.event_no)),
  }));
  const alone = events.flatMap((event) => {
    const verdict = Object.hasOwn(VERDICTS, event.event_type) ? VERDICTS[event.event_type] : undefined;
    if (verdict === undefined || event.approval_id !== null) return [];
    return [
      {
        no: event.event_no,
        approval: { ...verdict, ...commonOf(event), details: detailsOf(event.reason_text) },
      },
    ];
  });
  return {
    isShown: true,
    approvals: [...given, ...alone].sort((a, b) => a.no - b.no).map(({ approval }) => approval),
    history: events.map(historyItem),
    earlier: (events[0]?.event_no ?? 1) - 1,
  };
}

function approvalOf(approval: ApprovalRow, event: EventRow | undefined): Approval {
  return {
    type: approval.approval_type,
    approved: approval.approved,
    person: personOf(approval),
    versionNo: approval.related_version_no,
    at: approval.occurred_at,
    details: detailsOf(approval.details_text),
    waived: event === undefined ? [] : waivedBy(event),
  };
}

function commonOf(event: EventRow): Pick<Approval, "person" | "versionNo" | "at" | "waived"> {
  return {
    person: personOf(event),
    versionNo: event.related_version_no,
    at: event.occurred_at,
    waived: waivedBy(event),
  };
}

/** What was said stands with the approval, where there is one. */
function historyItem(event: EventRow): HistoryItem {
  return {
    ...commonOf(event),
    event: event.event_type,
    from: event.from_state,
    to: event.to_state,
    details: event.approval_id === null ? detailsOf(event.reason_text) : [],
  };
}

function personOf(signed: {
  readonly actor_id: string;
  readonly authenticated_subject: string | null;
}): Person {
  return { actor: signed.actor_id, subject: signed.authenticated_subject };
}

function waivedBy(event: EventRow): Waiver[] {
  return [
    ...(event.segregation_waived ? (["segregation"] as const) : []),
    ...(event.blocked_waived ? (["blocked"] as const) : []),
    ...(event.distinct_waived ? (["distinct"] as const) : []),
  ];
}

/** Member by member, digits as they were sent. */
function detailsOf(text: string): Details {
  const body = readJsonBody(Buffer.from(text, "utf8"));
  if (!body.ok || !isJsonObject(body.value)) return [];
  return Object.entries(body.value).map(([name, value]) => ({
    name,
    text: shortened(typeof value === "string" ? value : canonicalJson(value)),
  }));
}

function shortened(text: string): string {
  const characters = [...text.slice(0, 2 * MOST_CHARACTERS)];
  return characters.length <= MOST_CHARACTERS ? text : `${characters.slice(0, MOST_CHARACTERS).join("")}…`;
}

/** The decisions of a review, the newest of them where there are many. */
export function decisionsOfRun(decisions: readonly RunDecision[]): Decisions {
  const shown = decisions.slice(-MOST_RUN_DECISIONS);
  return {
    isShown: true,
    approvals: shown.map((decision) => ({
      type: decision.action,
      approved: RUN_VERDICTS[decision.action] ?? null,
      person: personOf(decision),
      versionNo: null,
      at: decision.decided_at,
      details: [
        { name: "reason_code", text: decision.reason_code },
        ...(decision.comment === null ? [] : [{ name: "comment", text: shortened(decision.comment) }]),
      ],
      waived: decision.segregation_waived ? ["segregation"] : [],
    })),
    history: [],
    earlier: decisions.length - shown.length,
  };
}

const MOST_RUN_DECISIONS = 200;

const RUN_VERDICTS: Readonly<Partial<Record<RunDecision["action"], boolean>>> = {
  APPROVE: true,
  REJECT: false,
};
