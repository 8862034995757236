"""The story of scripts/sdk/try.ts, told by the Python client."""

import json
import os
import time
import uuid

import httpx
from ballast_client import Client
from ballast_client.api.proposals import (
    create_proposal,
    create_proposal_version,
    decide_proposal_approval,
    transition_proposal,
    verify_proposal,
)
from ballast_client.api.rebalancing import simulate_rebalance
from ballast_client.models import (
    ApprovalType,
    ProposalApprovalRequest,
    ProposalCreateRequest,
    ProposalState,
    ProposalStateTransitionRequest,
    ProposalTransitionEvent,
    ProposalVersionRequest,
    RebalanceRequest,
)


class Retrying(httpx.BaseTransport):
    """Sends a request again while its outcome is open, with the same Idempotency-Key, for as long as Retry-After says."""

    def __init__(self, inner: httpx.BaseTransport, attempts: int = 10) -> None:
        self.inner, self.attempts = inner, attempts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for attempt in range(self.attempts):
            pause = min(0.1 * 2**attempt, 5)
            try:
                response = self.inner.handle_request(request)
                response.read()
                unfinished = response.status_code == 409 and b"IDEMPOTENCY_IN_PROGRESS" in response.content
                if response.status_code < 500 and not unfinished:
                    return response
                pause = float(response.headers.get("Retry-After", pause))
            except httpx.TransportError:
                if attempt == self.attempts - 1:
                    raise
            time.sleep(pause)
        return response


def connect(base_url: str) -> Client:
    transport = Retrying(httpx.HTTPTransport())
    return Client(base_url=base_url, httpx_args={"transport": transport})


def key() -> str:
    return str(uuid.uuid4())


def step(name: str, outcome: object) -> None:
    print(f"step\t{name}\t{outcome}")


with open(os.environ["BALLAST_BODIES"]) as file:
    bodies = json.load(file)
rebalance = RebalanceRequest.from_dict(bodies["rebalance"])
client = connect(os.environ["BALLAST_URL"])

run = simulate_rebalance.sync(client=client, body=rebalance, idempotency_key=key())
step("rebalance", run.status.value)

body = ProposalCreateRequest.from_dict(bodies["create"])
draft = create_proposal.sync(client=client, body=body, idempotency_key=key())
proposal_id = draft.proposal.proposal_id
step("draft", f"{draft.proposal.current_state.value} {draft.version.version_no}")

revision = ProposalVersionRequest.from_dict(bodies["version"])
revised = create_proposal_version.sync(proposal_id, client=client, body=revision, idempotency_key=key())
step("revision", f"{revised.proposal.current_state.value} {revised.version.version_no}")


def transition(event: ProposalTransitionEvent, actor: str, state: ProposalState):
    body = ProposalStateTransitionRequest(event_type=event, actor_id=actor, expected_state=state)
    return transition_proposal.sync(proposal_id, client=client, body=body, idempotency_key=key())


def approve(approval: ApprovalType, actor: str, state: ProposalState):
    body = ProposalApprovalRequest(approval_type=approval, approved=True, actor_id=actor, expected_state=state)
    return decide_proposal_approval.sync(proposal_id, client=client, body=body, idempotency_key=key())


submitted = transition(
    ProposalTransitionEvent.SUBMITTED_FOR_RISK_REVIEW, "advisor_brunner", ProposalState.DRAFT
)
step("submission", submitted.current_state.value)
early = approve(ApprovalType.CLIENT_CONSENT, "client_keller", ProposalState.RISK_REVIEW)
step("consent ahead of the approval", early.detail.value)
approved = approve(ApprovalType.RISK, "risk_okafor", ProposalState.RISK_REVIEW)
step("approval", approved.current_state.value)
agreed = approve(ApprovalType.CLIENT_CONSENT, "client_keller", ProposalState.AWAITING_CLIENT_CONSENT)
step("consent", agreed.current_state.value)
executed = transition(ProposalTransitionEvent.EXECUTED, "desk_zurich", ProposalState.EXECUTION_READY)
step("execution", executed.current_state.value)
verdict = verify_proposal.sync(proposal_id, client=client)
step("verification", str(verdict.valid).lower())

started_at = time.monotonic()
unreliable = connect(os.environ["BALLAST_UNRELIABLE_URL"])
again = simulate_rebalance.sync_detailed(client=unreliable, body=rebalance, idempotency_key=key())
replayed = "replayed" if again.headers.get("Idempotent-Replayed") == "true" else "new"
step("lost answer", f"{again.parsed.status.value} {replayed}")
print(f"waited\t{round((time.monotonic() - started_at) * 1000)}")

for _ in range(25):
    run_key = key()
    run = simulate_rebalance.sync(client=client, body=rebalance, idempotency_key=run_key)
    print(f"run\t{run_key}\t{run.rebalance_run_id}")
