import { randomUUID } from "node:crypto";
import Table from "cli-table3";
import * as z from "zod";
import {
  ProposalCreateResponse,
  ProposalStateTransitionResponse,
} from "../../src/features/proposals/schemas.ts";
import { ProposalWorkflowTimelineResponse } from "../../src/features/proposals/read-schemas.ts";
import { send, type Reply } from "./client.ts";
import { marketData, shelf } from "./market.ts";

const ADVISOR = "advisor_brunner";
const RISK_OFFICER = "risk_okafor";

/** A proposal from its first draft to its execution, and the proof of its history. */
export async function demonstrateAdvisory(base: string): Promise<void> {
  console.log("\nAn advisory proposal, from draft to execution\n");
  const steps = new Table({
    head: ["Step", "HTTP", "What came of it"],
    colWidths: [44, 6, 96],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  const post = (path: string, body: unknown): Promise<Reply> => send(base, "POST", path, body, randomUUID());

  const draft = await post("/rebalance/proposals", createBody("400"));
  const created = ProposalCreateResponse.parse(parsed(draft));
  const id = created.proposal.proposal_id;
  steps.push(["The advisor drafts: buy 400 treasuries", draft.status, versionLine(created)]);

  const second = await post(`/rebalance/proposals/${id}/versions`, versionBody("250"));
  const revised = ProposalCreateResponse.parse(parsed(second));
  steps.push(["The client wants less: a second version", second.status, versionLine(revised)]);

  const act = async (title: string, path: string, body: Record<string, unknown>): Promise<void> => {
    const reply = await post(`/rebalance/proposals/${id}/${path}`, body);
    steps.push([title, reply.status, outcomeLine(reply)]);
  };
  await act("Submitted for risk review", "transitions", {
    event_type: "SUBMITTED_FOR_RISK_REVIEW",
    actor_id: ADVISOR,
    expected_state: "DRAFT",
  });
  const approval = { approval_type: "RISK", approved: true, expected_state: "RISK_REVIEW" };
  await act("The advisor tries to approve it too", "approvals", { ...approval, actor_id: ADVISOR });
  await act("The risk officer approves", "approvals", { ...approval, actor_id: RISK_OFFICER });
  await act("The client consents", "approvals", {
    approval_type: "CLIENT_CONSENT",
    approved: true,
    actor_id: "client_keller",
    expected_state: "AWAITING_CLIENT_CONSENT",
    details: { channel: "signed document" },
  });
  await act("A second desk still thinks it is in review", "transitions", {
    event_type: "CANCELLED",
    actor_id: ADVISOR,
    expected_state: "RISK_REVIEW",
  });
  await act("Executed", "transitions", {
    event_type: "EXECUTED",
    actor_id: "desk_zurich",
    expected_state: "EXECUTION_READY",
  });
  console.log(steps.toString());
  await printHistory(base, id);
}

async function printHistory(base: string, id: string): Promise<void> {
  const timeline = ProposalWorkflowTimelineResponse.parse(
    parsed(await send(base, "GET", `/rebalance/proposals/${id}/workflow-events`)),
  );
  console.log(`\nIts history: ${timeline.events.map(({ event_type }) => event_type).join(" → ")}`);
  const verdict = Verdict.parse(parsed(await send(base, "GET", `/rebalance/proposals/${id}/verify`)));
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
