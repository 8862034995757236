/** The story of scripts/sdk/try.ts, told by the TypeScript client. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  createProposal,
  createProposalVersion,
  decideProposalApproval,
  simulateRebalance,
  transitionProposal,
  verifyProposal,
  type ProposalCreateRequest,
  type ProposalVersionRequest,
  type RebalanceRequest,
} from "#ballast-client";
import { connect } from "../../client/connect.ts";

type Bodies = {
  readonly rebalance: RebalanceRequest;
  readonly create: ProposalCreateRequest;
  readonly version: ProposalVersionRequest;
};

const { BALLAST_URL = "", BALLAST_UNRELIABLE_URL = "", BALLAST_BODIES = "" } = process.env;
const bodies = JSON.parse(readFileSync(BALLAST_BODIES, "utf8")) as Bodies;
const client = connect(BALLAST_URL);

const keyed = (key: string = randomUUID()) => ({ "Idempotency-Key": key });
const step = (name: string, outcome: unknown) => console.log(`step\t${name}\t${String(outcome)}`);

const rebalanced = await simulateRebalance({ client, headers: keyed(), body: bodies.rebalance });
step("rebalance", rebalanced.data?.status);

const draft = await createProposal({ client, headers: keyed(), body: bodies.create, throwOnError: true });
const { proposal_id } = draft.data.proposal;
const path = { proposal_id };
step("draft", `${draft.data.proposal.current_state} ${draft.data.version.version_no}`);

const revised = await createProposalVersion({
  client,
  path,
  headers: keyed(),
  body: bodies.version,
  throwOnError: true,
});
step("revision", `${revised.data.proposal.current_state} ${revised.data.version.version_no}`);

const submitted = await transitionProposal({
  client,
  path,
  headers: keyed(),
  body: { event_type: "SUBMITTED_FOR_RISK_REVIEW", actor_id: "advisor_brunner", expected_state: "DRAFT" },
});
step("submission", submitted.data?.current_state);

const consent = {
  approval_type: "CLIENT_CONSENT",
  approved: true,
  actor_id: "client_keller",
  details: { channel: "signed document" },
} as const;
const early = await decideProposalApproval({
  client,
  path,
  headers: keyed(),
  body: consentIn("RISK_REVIEW"),
});
step("consent ahead of the approval", early.error?.detail);

const approved = await decideProposalApproval({
  client,
  path,
  headers: keyed(),
  body: { approval_type: "RISK", approved: true, actor_id: "risk_okafor", expected_state: "RISK_REVIEW" },
});
step("approval", approved.data?.current_state);

const agreed = await decideProposalApproval({
  client,
  path,
  headers: keyed(),
  body: consentIn("AWAITING_CLIENT_CONSENT"),
});
step("consent", agreed.data?.current_state);

const executed = await transitionProposal({
  client,
  path,
  headers: keyed(),
  body: { event_type: "EXECUTED", actor_id: "desk_zurich", expected_state: "EXECUTION_READY" },
});
step("execution", executed.data?.current_state);

const verdict = await verifyProposal({ client, path });
step("verification", verdict.data?.valid);

const startedAt = performance.now();
const unreliable = connect(BALLAST_UNRELIABLE_URL);
const again = await simulateRebalance({ client: unreliable, headers: keyed(), body: bodies.rebalance });
const replayed = again.response.headers.get("idempotent-replayed") === "true" ? "replayed" : "new";
step("lost answer", `${String(again.data?.status)} ${replayed}`);
console.log(`waited\t${Math.round(performance.now() - startedAt)}`);

for (let number = 1; number <= 25; number += 1) {
  const key = randomUUID();
  const run = await simulateRebalance({
    client,
    headers: keyed(key),
    body: bodies.rebalance,
    throwOnError: true,
  });
  console.log(`run\t${key}\t${run.data.rebalance_run_id}`);
}

function consentIn(expected_state: "RISK_REVIEW" | "AWAITING_CLIENT_CONSENT") {
  return { ...consent, expected_state };
}
