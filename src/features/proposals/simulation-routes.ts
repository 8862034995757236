import { ProposalArtifact } from "../../contract/artifact.ts";
import { ProposalResult, ProposalSimulateRequest } from "../../contract/proposal.ts";
import { keyed } from "../../platform/http/context.ts";
import { route, type Route } from "../../platform/http/route.ts";
import { SIMULATE_EXAMPLE } from "./examples.ts";
import {
  namesOf,
  problemsOf,
  SIMULATION_DISABLED,
  TAG,
  writeReply,
  type ProposalRouteDeps,
} from "./route-parts.ts";
import { packageArtifact, simulate, SIMULATE_SCOPE } from "./simulate.ts";

const NAMES = namesOf(SIMULATE_SCOPE);

/** What an advisor asks before there is a proposal. Both answer from one key and one simulation. */
export function simulationRoutes({ proposals, witness }: ProposalRouteDeps): Route[] {
  const common = {
    method: "POST",
    tag: TAG,
    idempotencyKey: "required",
    body: ProposalSimulateRequest,
    bodyExample: SIMULATE_EXAMPLE,
    problems: problemsOf(NAMES, [SIMULATION_DISABLED]),
  } as const;
  return [
    route({
      ...common,
      path: "/rebalance/proposals/simulate",
      operationId: "simulateProposal",
      summary: "Simulate an advisor's cash flows and trades",
      description: "The outcome is in `status`: READY, PENDING_REVIEW or BLOCKED.",
      answers: { 200: { description: "The result.", schema: ProposalResult } },
      handle: async ({ context, body }) =>
        writeReply(context, await simulate(proposals, keyed(context), body), NAMES, witness),
    }),
    route({
      ...common,
      path: "/rebalance/proposals/artifact",
      operationId: "packageProposal",
      summary: "Simulate and package for client, reviewer and file",
      description:
        "Takes the request of simulate and shares its keys: what one key has simulated is packaged, not simulated again. Equal requests have equal artifact hashes, on any day.",
      answers: { 200: { description: "The artifact.", schema: ProposalArtifact } },
      handle: async ({ context, body }) =>
        writeReply(context, await packageArtifact(proposals, keyed(context), body), NAMES, witness),
    }),
  ];
}
