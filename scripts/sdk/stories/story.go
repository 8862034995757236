// The story of scripts/sdk/try.ts, told by the Go client.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	ballast "bank.example/platform/ballast-go"
)

// retrying sends a request again while its outcome is open, with the same Idempotency-Key, for as long as Retry-After says.
type retrying struct{ inner http.RoundTripper }

func (r retrying) RoundTrip(request *http.Request) (*http.Response, error) {
	const attempts = 10
	for attempt := 0; ; attempt++ {
		if attempt > 0 && request.GetBody != nil {
			request.Body, _ = request.GetBody()
		}
		pause := min(100*time.Millisecond<<attempt, 5*time.Second)
		response, err := r.inner.RoundTrip(request)
		if err == nil {
			body, readErr := io.ReadAll(response.Body)
			response.Body.Close()
			response.Body = io.NopCloser(bytes.NewReader(body))
			unfinished := response.StatusCode == 409 && bytes.Contains(body, []byte("IDEMPOTENCY_IN_PROGRESS"))
			if readErr == nil && response.StatusCode < 500 && !unfinished {
				return response, nil
			}
			if seconds, parseErr := strconv.Atoi(response.Header.Get("Retry-After")); parseErr == nil {
				pause = time.Duration(seconds) * time.Second
			}
			err = readErr
		}
		if attempt == attempts-1 {
			return response, err
		}
		time.Sleep(pause)
	}
}

func connect(base string) *ballast.APIClient {
	configuration := ballast.NewConfiguration()
	configuration.Servers = ballast.ServerConfigurations{{URL: base}}
	configuration.HTTPClient = &http.Client{Transport: retrying{http.DefaultTransport}}
	return ballast.NewAPIClient(configuration)
}

type bodies struct {
	Rebalance ballast.RebalanceRequest       `json:"rebalance"`
	Create    ballast.ProposalCreateRequest  `json:"create"`
	Version   ballast.ProposalVersionRequest `json:"version"`
}

var keys = 0

func key() string {
	keys++
	return fmt.Sprintf("go-%d-%d", time.Now().UnixNano(), keys)
}

func step(name string, outcome any) { fmt.Printf("step\t%s\t%v\n", name, outcome) }

func must[T any](answer *T, _ *http.Response, err error) *T {
	if err != nil {
		var problem *ballast.GenericOpenAPIError
		if errors.As(err, &problem) {
			log.Fatalf("%v: %s", err, problem.Body())
		}
		log.Fatal(err)
	}
	return answer
}

func main() {
	ctx := context.Background()
	client := connect(os.Getenv("BALLAST_URL"))
	text, err := os.ReadFile(os.Getenv("BALLAST_BODIES"))
	if err != nil {
		log.Fatal(err)
	}
	var sent bodies
	if err := json.Unmarshal(text, &sent); err != nil {
		log.Fatal(err)
	}
	// A decimal is sent as a text: the client would read a JSON number as a float32.
	quantity := "1500"
	sent.Rebalance.PortfolioSnapshot.Positions[0].Quantity = ballast.DecimalInput{String: &quantity}

	rebalance := func(client *ballast.APIClient, key string) (*ballast.RebalanceResult, *http.Response, error) {
		return client.RebalancingAPI.SimulateRebalance(ctx).IdempotencyKey(key).RebalanceRequest(sent.Rebalance).Execute()
	}
	step("rebalance", must(rebalance(client, key())).Status)

	draft := must(client.ProposalsAPI.CreateProposal(ctx).IdempotencyKey(key()).ProposalCreateRequest(sent.Create).Execute())
	id := draft.Proposal.ProposalId
	step("draft", fmt.Sprintf("%s %d", draft.Proposal.CurrentState, draft.Version.VersionNo))
	revised := must(client.ProposalsAPI.CreateProposalVersion(ctx, id).IdempotencyKey(key()).ProposalVersionRequest(sent.Version).Execute())
	step("revision", fmt.Sprintf("%s %d", revised.Proposal.CurrentState, revised.Version.VersionNo))

	transition := func(event ballast.ProposalTransitionEvent, actor string, state ballast.ProposalState) *ballast.ProposalStateTransitionResponse {
		body := ballast.NewProposalStateTransitionRequest(event)
		body.SetActorId(actor)
		body.SetExpectedState(state)
		return must(client.ProposalsAPI.TransitionProposal(ctx, id).IdempotencyKey(key()).ProposalStateTransitionRequest(*body).Execute())
	}
	approve := func(approval ballast.ApprovalType, actor string, state ballast.ProposalState) (*ballast.ProposalStateTransitionResponse, *http.Response, error) {
		body := ballast.NewProposalApprovalRequest(approval, true)
		body.SetActorId(actor)
		body.SetExpectedState(state)
		return client.ProposalsAPI.DecideProposalApproval(ctx, id).IdempotencyKey(key()).ProposalApprovalRequest(*body).Execute()
	}

	submitted := transition(ballast.PROPOSALTRANSITIONEVENT_SUBMITTED_FOR_RISK_REVIEW, "advisor_brunner", ballast.PROPOSALSTATE_DRAFT)
	step("submission", submitted.CurrentState)
	_, _, err = approve(ballast.APPROVALTYPE_CLIENT_CONSENT, "client_keller", ballast.PROPOSALSTATE_RISK_REVIEW)
	var refusal *ballast.GenericOpenAPIError
	if !errors.As(err, &refusal) {
		log.Fatal("a consent ahead of the approval was not refused")
	}
	problem, _ := refusal.Model().(ballast.Problem)
	step("consent ahead of the approval", problem.Detail)
	step("approval", must(approve(ballast.APPROVALTYPE_RISK, "risk_okafor", ballast.PROPOSALSTATE_RISK_REVIEW)).CurrentState)
	step("consent", must(approve(ballast.APPROVALTYPE_CLIENT_CONSENT, "client_keller", ballast.PROPOSALSTATE_AWAITING_CLIENT_CONSENT)).CurrentState)
	executed := transition(ballast.PROPOSALTRANSITIONEVENT_EXECUTED, "desk_zurich", ballast.PROPOSALSTATE_EXECUTION_READY)
	step("execution", executed.CurrentState)
	step("verification", must(client.ProposalsAPI.VerifyProposal(ctx, id).Execute()).Valid)

	startedAt := time.Now()
	again, answer, err := rebalance(connect(os.Getenv("BALLAST_UNRELIABLE_URL")), key())
	replayed := "new"
	if err == nil && answer.Header.Get("Idempotent-Replayed") == "true" {
		replayed = "replayed"
	}
	step("lost answer", fmt.Sprintf("%s %s", must(again, answer, err).Status, replayed))
	fmt.Printf("waited\t%d\n", time.Since(startedAt).Milliseconds())

	for range 25 {
		key := key()
		fmt.Printf("run\t%s\t%s\n", key, must(rebalance(client, key)).RebalanceRunId)
	}
}
