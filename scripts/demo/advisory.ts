import { randomUUID } from "node:crypto";
import Table from "cli-table3";
import * as z from "zod";
import {
  ProposalCreateResponse,
  ProposalStateTransitionResponse,
} from "../../src/features/proposals/schemas.ts";
import { ProposalWorkflowTimelineResponse } from "../../src/features/proposals/read-schemas.ts";
import type { Reply, Send, Service } from "./client.ts";
import { feedLine, type DemoFeed } from "./feed.ts";
import { marketData, shelf } from "./market.ts";

const ADVISOR = "advisor_brunner";
const RISK_OFFICER = "risk_okafor";
const CLIENT = "client_keller";
const DESK = "desk_zurich";

/** A proposal from its first draft to its execution, who was kept out on the way, and the proof of its history. */
export async function demonstrateAdvisory(service: Service, feed: DemoFeed): Promise<void> {
  console.log("\nAn advisory proposal, from draft to execution\n");
  const steps = new Table({
    head: ["Step", "HTTP", "What came of it", "What the feed tells"],
    colWidths: [44, 6, 76, 46],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  const tell = async (title: string, status: number, outcome: string): Promise<void> => {
    const told = await feed.next(status < 400 ? 1 : 0);
    steps.push([title, status, outcome, told.map(feedLine).join("\n")]);
  };
  const advisor = await service.as(ADVISOR, ["proposals:write", "proposals:read", "proposals:approve:risk"]);
  const draft = await advisor("POST", "/rebalance/proposals", keyed(createBody("400")));
  const created = ProposalCreateResponse.parse(parsed(draft));
  const id = created.proposal.proposal_id;
  await tell("The advisor drafts: buy 400 treasuries", draft.status, versionLine(created));

  const second = await advisor("POST", `/rebalance/proposals/${id}/versions`, keyed(versionBody("250")));
  const revised = ProposalCreateResponse.parse(parsed(second));
  await tell("The client wants less: a second version", second.status, versionLine(revised));

  const act = async (title: string, send: Send, [path, body]: Act): Promise<void> => {
    const reply = await send("POST", `/rebalance/proposals/${id}/${path}`, keyed(body));
    await tell(title, reply.status, outcomeLine(reply));
  };
  await act("Submitted for risk review", advisor, SUBMIT);
  const { asStranger } = service;
  await act(
    service.asksForTokens ? "A stranger without a token approves" : "A page of another site approves",
    asStranger,
    approveRisk("stranger"),
  );
  if (service.asksForTokens) {
    const junior = await service.as("advisor_new", ["proposals:write", "proposals:read"]);
    await act("A colleague without the scope approves", junior, approveRisk("advisor_new"));
  }
  await act("The advisor tries to approve it too", advisor, approveRisk(ADVISOR));
  const others = await service.as("advisor_elsewhere", ["proposals:read"], "another-bank");
  await tell("Another tenant looks for it", ...(await lookFor(others, id)));
  const officer = await service.as(RISK_OFFICER, ["proposals:approve:risk"]);
  await act("The risk officer approves", officer, approveRisk(RISK_OFFICER));
  const client = await service.as(CLIENT, ["proposals:approve:consent"]);
  await act("The client consents", client, CONSENT);
  await act("A second desk still thinks it is in review", advisor, CANCEL);
  const desk = await service.as(DESK, ["proposals:execute"]);
  await act("Executed", desk, EXECUTE);
  console.log(steps.toString());
  await printHistory(advisor, id);
}

type Act = readonly [path: "transitions" | "approvals", body: Readonly<Record<string, unknown>>];

const SUBMIT: Act = [
  "transitions",
  { event_type: "SUBMITTED_FOR_RISK_REVIEW", actor_id: ADVISOR, expected_state: "DRAFT" },
];
const CONSENT: Act = [
  "approvals",
  {
    approval_type: "CLIENT_CONSENT",
    approved: true,
    actor_id: CLIENT,
    expected_state: "AWAITING_CLIENT_CONSENT",
    details: { channel: "signed document" },
  },
];
const CANCEL: Act = [
  "transitions",
  { event_type: "CANCELLED", actor_id: ADVISOR, expected_state: "RISK_REVIEW" },
];
const EXECUTE: Act = [
  "transitions",
  { event_type: "EXECUTED", actor_id: DESK, expected_state: "EXECUTION_READY" },
];

function approveRisk(actor: string): Act {
  const approval = { approval_type: "RISK", approved: true, expected_state: "RISK_REVIEW" };
  return ["approvals", { ...approval, actor_id: actor }];
}

const keyed = (body: unknown) => ({ body, key: randomUUID() });

/** What a caller finds of a proposal: by its id, and in the list. */
async function lookFor(send: Send, id: string): Promise<[status: number, found: string]> {
  const found = await send("GET", `/rebalance/proposals/${id}`);
  const { items } = List.parse(parsed(await send("GET", "/rebalance/proposals")));
  const isListed = items.some(({ proposal_id }) => proposal_id === id);
  return [found.status, `${outcomeLine(found)}, ${isListed ? "BUT LISTED" : "and not in its list"}`];
}

const List = z.looseObject({ items: z.array(z.looseObject({ proposal_id: z.string() })) });

async function printHistory(send: Send, id: string): Promise<void> {
  const timeline = ProposalWorkflowTimelineResponse.parse(
    parsed(await send("GET", `/rebalance/proposals/${id}/workflow-events`)),
  );
  console.log(`\nIts history: ${timeline.events.map(({ event_type }) => event_type).join(" → ")}`);
  const verdict = Verdict.parse(parsed(await send("GET", `/rebalance/proposals/${id}/verify`)));
  const { versions, events, approvals } = verdict.checked;
  const finding = verdict.valid ? "nothing altered, missing or swapped" : JSON.stringify(verdict.failures);
  console.log(
    `Verified: ${versions} versions, ${events} events, ${approvals} approvals recomputed, ${finding}.`,
  );
}

const Verdict = z.looseObject({
  valid: z.boolean(),
  checked: z.looseObject({ versions: z.int(), events: z.int(), approvals: z.int() }),
  failures: z.array(z.unknown()),
});

function versionLine({ proposal, version }: ProposalCreateResponse): string {
  return `${proposal.current_state}, version ${version.version_no} ${version.status_at_creation}, artifact ${version.artifact_hash.slice(0, 19)}…`;
}

/** A refusal is part of the story: it is shown by its code. */
function outcomeLine(reply: Reply): string {
  if (reply.status >= 400) return z.looseObject({ detail: z.string() }).parse(parsed(reply)).detail;
  const { current_state, latest_workflow_event } = ProposalStateTransitionResponse.parse(parsed(reply));
  return `${current_state}, by ${latest_workflow_event.actor_id}`;
}

function parsed(reply: Reply): unknown {
  const body: unknown = JSON.parse(reply.text);
  return body;
}

function createBody(quantity: string) {
  return {
    ...versionBody(quantity),
    metadata: { title: "Income for the Keller family", mandate_id: "mandate_17" },
  };
}

/** The bodies of the story's first steps, and the smallest proposal: the client pays in. */
export const ADVISORY_BODIES = {
  payIn: payInBody(),
  create: createBody("400"),
  version: versionBody("250"),
  submit: SUBMIT[1],
  approveRisk: approveRisk(RISK_OFFICER)[1],
};

function payInBody() {
  const { created_by, simulate_request } = versionBody("250");
  const flow = { currency: "USD", amount: "25000.00", description: "bonus of the year" };
  return {
    created_by,
    simulate_request: { ...simulate_request, proposed_trades: [], proposed_cash_flows: [flow] },
  };
}

function versionBody(quantity: string) {
  const ids = ["US_MSFT", "US_TREASURY_10Y"];
  return {
    created_by: ADVISOR,
    simulate_request: {
      portfolio_snapshot: {
        portfolio_id: "pf_keller_advisory",
        base_currency: "USD",
        positions: [{ instrument_id: "US_MSFT", quantity: "1500" }],
        cash_balances: [{ currency: "USD", amount: "85000.00" }],
      },
      market_data_snapshot: marketData(ids),
      shelf_entries: shelf(ids),
      options: { enable_proposal_simulation: true },
      proposed_trades: [{ side: "BUY", instrument_id: "US_TREASURY_10Y", quantity }],
    },
  };
}
