import { makeExecution, type Execution } from "./background.ts";
import { readScenarioOptions } from "./contract/scenario-options.ts";
import { RULES_VERSION } from "./engine/lineage.ts";
import { keptSince } from "./features/operations/core.ts";
import { proposalOperationRoutes } from "./features/operations/proposal-routes.ts";
import { operationRoutes } from "./features/operations/routes.ts";
import { systemClock } from "./platform/clock.ts";
import type { DatabaseError } from "./platform/database/errors.ts";
import { replicaOf, type EventualReads } from "./platform/database/read-eventually.ts";
import type { OnceWitness } from "./platform/http/once-reply.ts";
import type { Route } from "./platform/http/route.ts";
import type { OnceDeps } from "./platform/idempotency.ts";
import { newId } from "./platform/ids.ts";
import { policyRoutes } from "./features/policies/routes.ts";
import type { PolicySettings } from "./features/policies/selection.ts";
import type { ProposalDeps } from "./features/proposals/deps.ts";
import { proposalRoutes } from "./features/proposals/routes.ts";
import type { OptionsReader } from "./features/rebalance/core.ts";
import type { RebalanceDeps } from "./features/rebalance/simulate.ts";
import { rebalanceRoutes } from "./features/rebalance/routes.ts";
import { lineageRoutes } from "./features/support/lineage-routes.ts";
import { runRoutes } from "./features/runs/routes.ts";
import { summaryRoutes } from "./features/support/summary-routes.ts";
import { reviewRoutes } from "./features/reviews/routes.ts";
import { supportRoutes } from "./features/support/support-routes.ts";
import { capabilityRoutes } from "./features/service/capabilities.ts";
import type { Surroundings } from "./surroundings.ts";
import { readVersion } from "./config/version.ts";

/** Every feature of the service, made once from one set of dependencies. */
export type Features = {
  readonly rebalance: RebalanceDeps;
  readonly proposals: ProposalDeps;
  readonly policies: PolicySettings;
  /** Shared by all who read eventually: what one learns of the replica, the others need not find out. */
  readonly reads: EventualReads;
  readonly readOptions: OptionsReader;
  /** Accepted operations, and whoever is at work on them. */
  readonly execution: Execution;
  readonly witness: OnceWitness;
};

export function makeFeatures(surroundings: Surroundings): Features {
  const { config, log, metrics, database } = surroundings;
  const reads = eventualReads(surroundings);
  const once: OnceDeps = {
    database,
    clock: systemClock,
    inFlight: new Map(),
    duplicateWaitMs: config.database.lockTimeoutMs,
  };
  const engineVersion = readVersion();
  const rebalance: RebalanceDeps = {
    once,
    ids: newId,
    engineVersion,
    storesArtifacts: config.rebalance.artifactStoreMode === "PERSISTED",
    isReplayEnabled: config.rebalance.replaysIdempotentRequests,
    onRun: (status) => metrics.runs.inc({ status }),
  };
  const proposals: ProposalDeps = { once, reads, ids: newId, engineVersion, rules: config.proposals };
  const readOptions: OptionsReader = (options) => readScenarioOptions(options, config.contract.unknownFields);
  return {
    rebalance,
    proposals,
    policies: config.rebalance.policyPacks,
    reads,
    readOptions,
    execution: makeExecution(surroundings, { rebalance, proposals, readOptions }),
    witness: { metrics, log },
  };
}

/** The routes of all features, in the order in which they are documented. */
export function featureRoutes(surroundings: Surroundings, features: Features): Route[] {
  const { config, database } = surroundings;
  const { rebalance, proposals, policies, reads, readOptions, witness } = features;
  const { engineVersion } = rebalance;
  return [
    ...rebalanceRoutes({ rebalance, policies, readOptions, witness }),
    ...asynchronousRoutes(surroundings, features),
    ...runRoutes({ database, reads, engineVersion, switches: config.rebalance }),
    ...lineageRoutes({ reads, isEnabled: config.rebalance.areLineageApisEnabled }),
    ...summaryRoutes({
      reads,
      retentionDays: config.rebalance.retentionDays,
      isEnabled: config.rebalance.areSummaryApisEnabled,
    }),
    ...supportRoutes({
      database,
      engineVersion,
      keptSince: operationsKeptSince(surroundings),
      switches: config.rebalance,
    }),
    ...reviewRoutes({
      review: { once: rebalance.once, ids: rebalance.ids, ...config.rebalance.review },
      reads,
      witness,
      isEnabled: config.rebalance.review.isEnabled,
    }),
    ...policyRoutes({ catalogue: rebalance.once, settings: config.rebalance.policyPacks }),
    ...proposalRoutes({ proposals, switches: config.proposals, witness }),
    ...capabilityRoutes({
      clock: rebalance.once.clock,
      policyVersion: RULES_VERSION,
      switches: {
        isProposalLifecycleEnabled: config.proposals.isLifecycleEnabled,
        areRunApisEnabled: config.rebalance.areSupportApisEnabled,
        isRunReviewEnabled: config.rebalance.review.isEnabled,
        areAsyncOperationsEnabled: config.rebalance.operations.areEnabled,
      },
    }),
  ];
}

/** What is past its keep is told from what is not by the clock, not by when it happens to be purged. */
function operationsKeptSince({ config }: Surroundings): () => string {
  const { ttlSeconds } = config.rebalance.operations;
  return () => keptSince(systemClock(), ttlSeconds);
}

function asynchronousRoutes(surroundings: Surroundings, features: Features): Route[] {
  const { config, database } = surroundings;
  const { rebalance, proposals, policies, reads, readOptions, execution, witness } = features;
  const { once, ids } = rebalance;
  const { executionMode: mode } = config.rebalance.operations;
  const shared = { database, reads, keptSince: operationsKeptSince(surroundings), witness };
  const analyses = { once, ids, execution, mode };
  // No request executes an operation of a proposal: left to one, it would wait for ever.
  const ofProposals = { ...analyses, mode: mode === "ACCEPT_ONLY" ? ("WORKER" as const) : mode };
  return [
    ...operationRoutes({
      ...shared,
      accept: analyses,
      readOptions,
      policies,
      switches: config.rebalance.operations,
    }),
    ...proposalOperationRoutes({
      ...shared,
      accept: ofProposals,
      rules: proposals.rules,
      switches: config.proposals,
    }),
  ];
}

/** A replica that failed a read is left alone for a while; one that is slow leaves the primary most of the time. */
const REPLICA_PAUSE_MS = 5_000;
const REPLICA_PATIENCE_MS = 2_000;

function eventualReads({ log, metrics, database, replica }: Surroundings): EventualReads {
  if (replica === database) return { primary: database, replica: null };
  const options = {
    pauseMs: REPLICA_PAUSE_MS,
    timeoutMs: REPLICA_PATIENCE_MS,
    onFallback: (error: DatabaseError | null) => {
      metrics.replicaFallbacks.inc();
      if (error !== null) log.warn({ err: error }, "the replica cannot serve, reads go to the primary");
    },
  };
  return { primary: database, replica: replicaOf(replica, options) };
}
