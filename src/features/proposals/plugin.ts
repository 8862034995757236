import type { FastifyReply } from "fastify";
import { lackOf } from "../../platform/http/auth/authorization.ts";
import { keyed } from "../../platform/http/context.ts";
import { writeProblems } from "../../platform/http/idempotent-reply.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import type { IdempotencyScope } from "../../platform/idempotency/repository.ts";
import type { WriteOutcome } from "../../platform/idempotency/write.ts";
import type { Runtime } from "../../runtime.ts";
import type { Operations } from "../operations/operations.ts";
import {
  EXPECTED_STATE_MISMATCH,
  EXPECTED_STATE_REQUIRED,
  INVALID_APPROVAL_STATE,
  INVALID_TRANSITION,
  lifecycleTable,
  PORTFOLIO_CONTEXT_MISMATCH,
  PROPOSAL_NOT_FOUND,
  PROPOSAL_SIMULATION_DISABLED,
  PROPOSAL_VERSION_NOT_FOUND,
  SEGREGATION_OF_DUTIES,
  TERMINAL_STATE,
  VERSION_BLOCKED,
  VERSION_NOT_APPROVED,
  VERSION_SUPERSEDED,
  type Refused,
} from "./core.ts";
import { CREATE, createProposal } from "./create-proposal.ts";
import { createVersion, VERSIONS } from "./create-version.ts";
import {
  APPROVAL_EXAMPLE,
  CREATE_EXAMPLE,
  SIMULATE_EXAMPLE,
  TRANSITION_EXAMPLE,
  VERSION_EXAMPLE,
} from "./examples.ts";
import { proposalOperations } from "./operations-plugin.ts";
import { packageArtifact } from "./package-artifact.ts";
import { configuration, reads, support } from "./read-plugin.ts";
import { APPROVALS, recordApproval, recordTransition, TRANSITIONS } from "./record-event.ts";
import * as schemas from "./schemas.ts";
import { APPROVAL_SCOPES, scopesOfApproval, scopesOfTransition, TRANSITION_SCOPES } from "./scopes.ts";
import { SIMULATE, simulateProposal } from "./simulate-proposal.ts";
import type { VerifyProposal } from "./verify-proposal.ts";

type Options = Pick<Runtime, "config"> & {
  readonly operations: Operations;
  readonly verifyProposal: VerifyProposal;
};

/** Advisory proposals: simulation, the lifecycle behind its switch, and what tells of the configuration. */
export const proposals: FeaturePlugin<Options> = async (app, options) => {
  await app.register(simulation);
  await app.register(lifecycle, options);
  await app.register(configuration, options);
};

/** What an advisor asks before there is a proposal. Both answer from one key and one simulation. */
const simulation: FeaturePlugin<object> = (app) => {
  const config = {
    scope: "proposals:write",
    idempotencyKey: "required",
    bodyExample: SIMULATE_EXAMPLE,
    problems: [...writeProblems(SIMULATE), PROPOSAL_SIMULATION_DISABLED],
  } as const;

  app.post(
    "/rebalance/proposals/simulate",
    { schema: schemas.simulateProposal, config },
    async ({ runtime, context, body }, reply) =>
      send(reply, SIMULATE, await simulateProposal(runtime, keyed(context), body)),
  );

  app.post(
    "/rebalance/proposals/artifact",
    { schema: schemas.packageProposal, config },
    async ({ runtime, context, body }, reply) =>
      send(reply, SIMULATE, await packageArtifact(runtime, keyed(context), body)),
  );

  return Promise.resolve();
};

const lifecycle: FeaturePlugin<Options> = async (app, options) => {
  const { isLifecycleEnabled } = options.config.proposals;
  switchGroup(app, isLifecycleEnabled, "PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED");
  await app.register(creation);
  await app.register(events);
  await app.register(reads);
  await app.register(support, options);
  await app.register(proposalOperations, options);
};

const creation: FeaturePlugin<object> = (app) => {
  app.post(
    "/rebalance/proposals",
    {
      schema: schemas.createProposal,
      links: { 200: schemas.PROPOSAL_LINKS },
      config: {
        scope: "proposals:write",
        idempotencyKey: "required",
        bodyExample: CREATE_EXAMPLE,
        problems: [...writeProblems(CREATE), PROPOSAL_SIMULATION_DISABLED],
      },
    },
    async ({ runtime, context, body }, reply) =>
      send(reply, CREATE, await createProposal(runtime, keyed(context), body)),
  );

  app.post(
    "/rebalance/proposals/:proposal_id/versions",
    {
      schema: schemas.createProposalVersion,
      links: { 200: schemas.PROPOSAL_LINKS },
      config: {
        scope: "proposals:write",
        idempotencyKey: "relaxable",
        bodyExample: VERSION_EXAMPLE,
        problems: [
          ...writeProblems(VERSIONS),
          PROPOSAL_NOT_FOUND,
          PROPOSAL_SIMULATION_DISABLED,
          TERMINAL_STATE,
          PORTFOLIO_CONTEXT_MISMATCH,
        ],
      },
    },
    async ({ runtime, context, params, body }, reply) =>
      send(reply, VERSIONS, await createVersion(runtime, context, params.proposal_id, body)),
  );

  return Promise.resolve();
};

/** The refusals of a transition and of an approval alike. */
const EVENT_PROBLEMS = [
  PROPOSAL_NOT_FOUND,
  PROPOSAL_VERSION_NOT_FOUND,
  SEGREGATION_OF_DUTIES,
  EXPECTED_STATE_REQUIRED,
  EXPECTED_STATE_MISMATCH,
  VERSION_SUPERSEDED,
  VERSION_NOT_APPROVED,
  VERSION_BLOCKED,
];

const TRANSITION_WORDS = `${schemas.transitionProposal.description}\n\n${lifecycleTable()}`;

/** What happens to a proposal. Each is one transaction with its event. */
const events: FeaturePlugin<object> = (app) => {
  app.post(
    "/rebalance/proposals/:proposal_id/transitions",
    {
      schema: { ...schemas.transitionProposal, description: TRANSITION_WORDS },
      links: { 200: schemas.EVENT_LINKS },
      preHandler: (request, _reply, next) => next(lackOf(scopesOfTransition(request.body), request)),
      config: {
        scope: TRANSITION_SCOPES,
        idempotencyKey: "relaxable",
        bodyExample: TRANSITION_EXAMPLE,
        problems: [...writeProblems(TRANSITIONS), ...EVENT_PROBLEMS, INVALID_TRANSITION],
      },
    },
    async ({ runtime, context, params, body }, reply) =>
      reply.written(TRANSITIONS, await recordTransition(runtime, context, params.proposal_id, body)),
  );

  app.post(
    "/rebalance/proposals/:proposal_id/approvals",
    {
      schema: schemas.decideProposalApproval,
      links: { 200: schemas.EVENT_LINKS },
      preHandler: (request, _reply, next) => next(lackOf(scopesOfApproval(request.body), request)),
      config: {
        scope: APPROVAL_SCOPES,
        idempotencyKey: "relaxable",
        bodyExample: APPROVAL_EXAMPLE,
        problems: [...writeProblems(APPROVALS), ...EVENT_PROBLEMS, INVALID_APPROVAL_STATE],
      },
    },
    async ({ runtime, context, params, body }, reply) =>
      reply.written(APPROVALS, await recordApproval(runtime, context, params.proposal_id, body)),
  );

  return Promise.resolve();
};

function send(
  reply: FastifyReply,
  scope: IdempotencyScope,
  outcome: WriteOutcome<unknown> | Refused,
): FastifyReply {
  return outcome.kind === "refused" ? reply.problem(outcome.refusal) : reply.written(scope, outcome);
}
