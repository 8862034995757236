import type { RequestContext } from "../../platform/http/context.ts";
import { onceProblems, onceReply, type OnceNames, type OnceWitness } from "../../platform/http/once-reply.ts";
import { problemReply, type Reply } from "../../platform/http/problem.ts";
import type { ProblemSpec } from "../../platform/http/route.ts";
import type { ProposalDeps, WriteOutcome } from "./deps.ts";
import type { Reading } from "./read.ts";

export type ProposalRouteDeps = {
  readonly proposals: ProposalDeps;
  readonly switches: {
    readonly isLifecycleEnabled: boolean;
    readonly areSupportApisEnabled: boolean;
    readonly areAsyncOperationsEnabled: boolean;
  };
  readonly witness: OnceWitness;
};

export const TAG = "Proposals";
export const NOT_FOUND: ProblemSpec = { status: 404, detail: "PROPOSAL_NOT_FOUND" };
export const VERSION_NOT_FOUND: ProblemSpec = { status: 404, detail: "PROPOSAL_VERSION_NOT_FOUND" };
export const SIMULATION_DISABLED: ProblemSpec = {
  status: 422,
  detail: "PROPOSAL_SIMULATION_DISABLED: set options.enable_proposal_simulation=true",
};

export function namesOf(scope: string): OnceNames {
  return { scope, inconsistent: "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT" };
}

export function problemsOf(names: OnceNames, own: readonly ProblemSpec[]): ProblemSpec[] {
  return [...onceProblems(names), ...own];
}

export function writeReply(
  context: RequestContext,
  outcome: WriteOutcome,
  names: OnceNames,
  witness: OnceWitness,
): Reply {
  return outcome.kind === "refused"
    ? problemReply(context, outcome.refusal)
    : onceReply(context, outcome, names, witness);
}

export function readReply(context: RequestContext, reading: Reading): Reply {
  return reading.found ? { status: 200, body: reading.body } : problemReply(context, reading.refusal);
}
