import type { Config } from "./config.ts";
import { readScenarioOptions } from "./contract/scenario-options.ts";
import { systemClock } from "./platform/clock.ts";
import type { Database } from "./platform/database/database.ts";
import type { OnceWitness } from "./platform/http/once-reply.ts";
import type { Route } from "./platform/http/route.ts";
import type { OnceDeps } from "./platform/idempotency.ts";
import { newId } from "./platform/ids.ts";
import type { Log } from "./platform/log.ts";
import type { Metrics } from "./platform/metrics.ts";
import type { PolicySettings } from "./policies/selection.ts";
import type { ProposalDeps } from "./proposals/deps.ts";
import { proposalRoutes } from "./proposals/routes.ts";
import type { RebalanceDeps } from "./rebalance/simulate.ts";
import { rebalanceRoutes } from "./rebalance/routes.ts";
import { lineageRoutes } from "./runs/lineage-routes.ts";
import { runRoutes } from "./runs/routes.ts";
import { readVersion } from "./version.ts";

/** What the process has opened; the features are made from it and hold nothing else. */
export type Surroundings = {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly database: Database;
  /** For reads that may lag behind; the primary where there is no replica. */
  readonly replica: Database;
};

/** Every feature of the service, made once from one set of dependencies. */
export type Features = {
  readonly rebalance: RebalanceDeps;
  readonly proposals: ProposalDeps;
  readonly policies: PolicySettings;
  readonly witness: OnceWitness;
};

export function makeFeatures({ config, log, metrics, database, replica }: Surroundings): Features {
  const once: OnceDeps = {
    database,
    clock: systemClock,
    inFlight: new Map(),
    duplicateWaitMs: config.database.lockTimeoutMs,
  };
  const engineVersion = readVersion();
  return {
    rebalance: {
      once,
      ids: newId,
      engineVersion,
      isReplayEnabled: config.rebalance.replaysIdempotentRequests,
      onRun: (status) => metrics.runs.inc({ status }),
    },
    proposals: { once, replica, ids: newId, engineVersion, rules: config.proposals },
    policies: config.rebalance.policyPacks,
    witness: { metrics, log },
  };
}

/** The routes of all features, in the order in which they are documented. */
export function featureRoutes(surroundings: Surroundings, features: Features): Route[] {
  const { config, database, replica } = surroundings;
  const { rebalance, proposals, policies, witness } = features;
  const { unknownFields } = config.contract;
  const { engineVersion } = rebalance;
  return [
    ...rebalanceRoutes({
      rebalance,
      policies,
      readOptions: (options) => readScenarioOptions(options, unknownFields),
      witness,
    }),
    ...runRoutes({ database, replica, engineVersion, switches: config.rebalance }),
    ...lineageRoutes({ replica, isEnabled: config.rebalance.areLineageApisEnabled }),
    ...proposalRoutes({ proposals, switches: config.proposals, witness }),
  ];
}
