import com.example.ballast.ApiClient;
import com.example.ballast.ApiException;
import com.example.ballast.ApiResponse;
import com.example.ballast.api.ProposalsApi;
import com.example.ballast.api.RebalancingApi;
import com.example.ballast.model.ApprovalType;
import com.example.ballast.model.Problem;
import com.example.ballast.model.ProposalApprovalRequest;
import com.example.ballast.model.ProposalCreateRequest;
import com.example.ballast.model.ProposalState;
import com.example.ballast.model.ProposalStateTransitionRequest;
import com.example.ballast.model.ProposalStateTransitionResponse;
import com.example.ballast.model.ProposalTransitionEvent;
import com.example.ballast.model.ProposalVersionRequest;
import com.example.ballast.model.RebalanceRequest;
import com.example.ballast.model.RebalanceResult;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.UUID;

/** The story of scripts/sdk/try.ts, told by the Java client. */
public final class Story {
    interface Call<T> {
        ApiResponse<T> send() throws ApiException;
    }

    /** Sends a request again while its outcome is open, with the same Idempotency-Key, for as long as Retry-After says. */
    static <T> ApiResponse<T> retrying(Call<T> call) throws ApiException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            try {
                return call.send();
            } catch (ApiException error) {
                boolean lost = error.getCode() == 0;
                boolean unfinished = error.getCode() == 409
                        && String.valueOf(error.getResponseBody()).contains("IDEMPOTENCY_IN_PROGRESS");
                if (attempt == 10 || !(lost || unfinished || error.getCode() >= 500)) throw error;
                long pause = Math.min(100L << attempt, 5_000);
                if (!lost) pause = error.getResponseHeaders().firstValue("Retry-After").map(told -> Long.parseLong(told) * 1_000).orElse(pause);
                Thread.sleep(pause);
            }
        }
    }

    static ApiClient connect(String base) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(base);
        return client;
    }

    static String key() {
        return UUID.randomUUID().toString();
    }

    static void step(String name, Object outcome) {
        System.out.println("step\t" + name + "\t" + outcome);
    }

    static ApiResponse<RebalanceResult> rebalance(RebalancingApi api, RebalanceRequest request, String key)
            throws ApiException, InterruptedException {
        return retrying(() -> api.simulateRebalanceWithHttpInfo(key, request, null, null, null, null, null, null));
    }

    private final ProposalsApi proposals;
    private String id;

    private Story(ProposalsApi proposals) {
        this.proposals = proposals;
    }

    ProposalStateTransitionResponse transition(ProposalTransitionEvent event, String actor, ProposalState state)
            throws ApiException, InterruptedException {
        var request = new ProposalStateTransitionRequest().eventType(event).actorId(actor).expectedState(state);
        String key = key();
        return retrying(() -> proposals.transitionProposalWithHttpInfo(id, key, request, null, null, null, null)).getData();
    }

    ProposalStateTransitionResponse approve(ApprovalType type, String actor, ProposalState state)
            throws ApiException, InterruptedException {
        var request = new ProposalApprovalRequest().approvalType(type).approved(true).actorId(actor).expectedState(state);
        String key = key();
        return retrying(() -> proposals.decideProposalApprovalWithHttpInfo(id, key, request, null, null, null, null)).getData();
    }

    void advise(ObjectMapper mapper, JsonNode bodies) throws Exception {
        var create = mapper.treeToValue(bodies.get("create"), ProposalCreateRequest.class);
        String first = key();
        var draft = retrying(() -> proposals.createProposalWithHttpInfo(first, create, null, null, null, null)).getData();
        id = draft.getProposal().getProposalId();
        step("draft", draft.getProposal().getCurrentState() + " " + draft.getVersion().getVersionNo());
        var version = mapper.treeToValue(bodies.get("version"), ProposalVersionRequest.class);
        String second = key();
        var revised = retrying(() -> proposals.createProposalVersionWithHttpInfo(id, second, version, null, null, null, null)).getData();
        step("revision", revised.getProposal().getCurrentState() + " " + revised.getVersion().getVersionNo());

        var submitted = transition(ProposalTransitionEvent.SUBMITTED_FOR_RISK_REVIEW, "advisor_brunner", ProposalState.DRAFT);
        step("submission", submitted.getCurrentState());
        try {
            approve(ApprovalType.CLIENT_CONSENT, "client_keller", ProposalState.RISK_REVIEW);
        } catch (ApiException refusal) {
            step("consent ahead of the approval", mapper.readValue(refusal.getResponseBody(), Problem.class).getDetail());
        }
        step("approval", approve(ApprovalType.RISK, "risk_okafor", ProposalState.RISK_REVIEW).getCurrentState());
        var agreed = approve(ApprovalType.CLIENT_CONSENT, "client_keller", ProposalState.AWAITING_CLIENT_CONSENT);
        step("consent", agreed.getCurrentState());
        var executed = transition(ProposalTransitionEvent.EXECUTED, "desk_zurich", ProposalState.EXECUTION_READY);
        step("execution", executed.getCurrentState());
        var verdict = retrying(() -> proposals.verifyProposalWithHttpInfo(id, null, null, null, null)).getData();
        step("verification", verdict.getValid());
    }

    public static void main(String[] arguments) throws Exception {
        ObjectMapper mapper = ApiClient.createDefaultObjectMapper();
        JsonNode bodies = mapper.readTree(Path.of(System.getenv("BALLAST_BODIES")).toFile());
        var request = mapper.treeToValue(bodies.get("rebalance"), RebalanceRequest.class);
        ApiClient client = connect(System.getenv("BALLAST_URL"));
        var rebalancing = new RebalancingApi(client);
        step("rebalance", rebalance(rebalancing, request, key()).getData().getStatus());
        new Story(new ProposalsApi(client)).advise(mapper, bodies);

        long startedAt = System.nanoTime();
        var unreliable = new RebalancingApi(connect(System.getenv("BALLAST_UNRELIABLE_URL")));
        var again = rebalance(unreliable, request, key());
        boolean replayed = again.getHeaders().toString().toLowerCase().contains("idempotent-replayed=[true]");
        step("lost answer", again.getData().getStatus() + (replayed ? " replayed" : " new"));
        System.out.println("waited\t" + (System.nanoTime() - startedAt) / 1_000_000);

        for (int number = 0; number < 25; number++) {
            String key = key();
            System.out.println("run\t" + key + "\t" + rebalance(rebalancing, request, key).getData().getRebalanceRunId());
        }
    }
}
