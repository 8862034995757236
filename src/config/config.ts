import * as z from "zod";
import { parseServerAddress } from "../platform/database/address.ts";
import { identityConfig, identityContradictions, identityVariables } from "./identity.ts";
import { recordedValue, type RecordedValue } from "./recorded.ts";
import { variableNotes } from "./readers.ts";
import {
  contractVariables,
  databaseVariables,
  eventVariables,
  proposalVariables,
  rebalanceVariables,
  serviceVariables,
  workerVariables,
} from "./variables.ts";

const HOUR_MS = 3_600_000;

/** How long those who send requests are given to see that they should send them elsewhere. */
const DRAIN_MS = { LOCAL: 0, PRODUCTION: 5_000 };

const variables = {
  ...serviceVariables,
  ...identityVariables,
  ...databaseVariables,
  ...contractVariables,
  ...rebalanceVariables,
  ...proposalVariables,
  ...eventVariables,
  ...workerVariables,
};

const Environment = z.object(variables).check(({ value, issues }) => {
  for (const [name, message] of contradictions(value)) {
    issues.push({ code: "custom", path: [name], message, input: undefined });
  }
});

type Environment = z.output<typeof Environment>;
type ProcessEnvironment = Readonly<Record<string, string | undefined>>;

/** What a start can be stopped by: one line for each fault, naming its variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}

/** Reads the environment once; throws a ConfigError that lists every fault. */
export function parseConfig(environment: ProcessEnvironment): Config {
  return toConfig(read(Environment, environment));
}

/** What `npm run migrate` needs: the migration login alone. */
export function parseMigrationConfig(environment: ProcessEnvironment): MigrationConfig {
  const { MIGRATION_DATABASE_URL, DATABASE_URL } = read(MigrationEnvironment, environment);
  const url = MIGRATION_DATABASE_URL ?? DATABASE_URL;
  if (url === null)
    throw new ConfigError(["MIGRATION_DATABASE_URL must be set, or DATABASE_URL where one login does both"]);
  return { url, serviceLogin: serviceLoginOf(DATABASE_URL, MIGRATION_DATABASE_URL) };
}

export type MigrationConfig = {
  readonly url: string;
  /** The login of DATABASE_URL where it is not the one that migrates: the migrations give it its roles. */
  readonly serviceLogin: string | null;
};

const MigrationEnvironment = z.object({
  MIGRATION_DATABASE_URL: databaseVariables.MIGRATION_DATABASE_URL,
  DATABASE_URL: databaseVariables.DATABASE_URL,
});

function read<T extends z.ZodType>(schema: T, environment: ProcessEnvironment): z.output<T> {
  const result = schema.safeParse(environment);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`));
}

/** Every variable with its default and its meaning, in the order in which they are documented. */
export function describeVariables(): { name: string; fallback: string | null; about: string }[] {
  return Object.entries(variables).flatMap(([name, schema]) => {
    const notes = variableNotes.get(schema);
    return notes === undefined ? [] : [{ name, ...notes }];
  });
}

function* contradictions(env: Environment): Generator<[name: keyof Environment, message: string]> {
  const isProduction = env.APP_PERSISTENCE_PROFILE === "PRODUCTION";
  if (env.DATABASE_URL === null) {
    if (isProduction)
      yield ["DATABASE_URL", "must be set in profile PRODUCTION, which refuses the embedded database"];
    for (const name of ["MIGRATION_DATABASE_URL", "DATABASE_READ_URL"] as const) {
      if (env[name] !== null) yield [name, "is set, but DATABASE_URL is not"];
    }
  } else if (isProduction && env.MIGRATE_ON_START && loginOf(env.MIGRATION_DATABASE_URL) === null) {
    yield ["MIGRATION_DATABASE_URL", "must be set in profile PRODUCTION, or MIGRATE_ON_START be false"];
  } else if (isProduction && loginOf(env.MIGRATION_DATABASE_URL) === loginOf(env.DATABASE_URL)) {
    yield ["MIGRATION_DATABASE_URL", "must have another login than DATABASE_URL in profile PRODUCTION"];
  }
  yield* identityContradictions(env);
  if (env.MAX_BODY_BYTES_IN_FLIGHT < env.MAX_BODY_BYTES) {
    yield ["MAX_BODY_BYTES_IN_FLIGHT", "must not be less than MAX_BODY_BYTES"];
  }
  if (env.DATABASE_LOCK_TIMEOUT_MS > env.DATABASE_STATEMENT_TIMEOUT_MS) {
    yield ["DATABASE_LOCK_TIMEOUT_MS", "must not be longer than DATABASE_STATEMENT_TIMEOUT_MS"];
  }
}

const loginOf = (url: string | null) => (url === null ? null : parseServerAddress(url).login);

const serviceLoginOf = (url: string | null, migrationUrl: string | null) =>
  migrationUrl === null ? null : loginOf(url);

export type Config = ReturnType<typeof toConfig>;

function toConfig(env: Environment) {
  return {
    profile: env.APP_PERSISTENCE_PROFILE,
    server: {
      host: env.HOST,
      port: env.PORT,
      logLevel: env.LOG_LEVEL,
      maxBodyBytes: env.MAX_BODY_BYTES,
      maxWaveBodyBytes: env.MAX_WAVE_BODY_BYTES,
      maxConnections: env.MAX_CONNECTIONS,
      maxBodyBytesInFlight: env.MAX_BODY_BYTES_IN_FLIGHT,
      requestDeadlineMs: env.REQUEST_DEADLINE_MS,
      verifyDeadlineMs: env.VERIFY_DEADLINE_MS,
      shutdownDrainMs: env.SHUTDOWN_DRAIN_MS ?? DRAIN_MS[env.APP_PERSISTENCE_PROFILE],
      shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    },
    auth: identityConfig(env),
    database: databaseConfig(env),
    calculations: { threads: env.CALCULATION_THREADS, queueMax: env.CALCULATION_QUEUE_MAX },
    contract: {
      defaultRulesVersion: env.DEFAULT_RULES_VERSION,
      requireIdempotencyKey: env.REQUIRE_IDEMPOTENCY_KEY,
      unknownFields: env.UNKNOWN_FIELDS,
    },
    worker: {
      concurrency: env.WORKER_CONCURRENCY,
      leaseMs: env.WORKER_LEASE_MS,
      pollMs: env.WORKER_POLL_MS,
      waveBatches: env.WAVE_BATCHES,
    },
    eventsKeptDays: env.EVENTS_KEPT_DAYS,
    events: { maxWaiting: env.EVENTS_MAX_WAITING, maxStreams: env.EVENTS_MAX_STREAMS },
    retentionIntervalMs: env.RETENTION_INTERVAL_MS,
    effectiveVariables: effectiveVariables(env),
    rebalance: rebalanceConfig(env),
    proposals: {
      isLifecycleEnabled: env.PROPOSAL_WORKFLOW_LIFECYCLE_ENABLED,
      areSupportApisEnabled: env.PROPOSAL_SUPPORT_APIS_ENABLED,
      areAsyncOperationsEnabled: env.PROPOSAL_ASYNC_OPERATIONS_ENABLED,
      storesEvidenceBundle: env.PROPOSAL_STORE_EVIDENCE_BUNDLE,
      requiresExpectedState: env.PROPOSAL_REQUIRE_EXPECTED_STATE,
      requiresSimulationFlag: env.PROPOSAL_REQUIRE_SIMULATION_FLAG,
      allowsPortfolioChangeOnNewVersion: env.PROPOSAL_ALLOW_PORTFOLIO_CHANGE_ON_NEW_VERSION,
      requiresSegregationOfDuties: env.PROPOSAL_REQUIRE_SEGREGATION_OF_DUTIES,
      requiresDistinctApprovers: env.PROPOSAL_REQUIRE_DISTINCT_APPROVERS,
      newVersionRestartsReview: env.PROPOSAL_NEW_VERSION_RESTARTS_REVIEW,
      allowsBlockedVersions: env.PROPOSAL_ALLOW_BLOCKED_VERSIONS,
    },
  };
}

function databaseConfig(env: Environment) {
  return {
    /** Null: the embedded one. */
    url: env.DATABASE_URL,
    migrationUrl: env.MIGRATION_DATABASE_URL,
    serviceLogin: serviceLoginOf(env.DATABASE_URL, env.MIGRATION_DATABASE_URL),
    migrateOnStart: env.MIGRATE_ON_START,
    readUrl: env.DATABASE_READ_URL,
    embeddedFolder: env.EMBEDDED_PG_DIR,
    poolMax: env.DATABASE_POOL_MAX,
    queueMax: env.DATABASE_QUEUE_MAX,
    queueWaitMs: env.DATABASE_QUEUE_WAIT_MS,
    connectTimeoutMs: env.DATABASE_CONNECT_TIMEOUT_MS,
    statementTimeoutMs: env.DATABASE_STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: env.DATABASE_LOCK_TIMEOUT_MS,
    idleInTransactionTimeoutMs: env.DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS,
  };
}

/** Every variable with the value in force, without secrets: what the audit records of a start. */
function effectiveVariables(env: Environment): Readonly<Record<string, RecordedValue>> {
  const derived = {
    SHUTDOWN_DRAIN_MS: env.SHUTDOWN_DRAIN_MS ?? DRAIN_MS[env.APP_PERSISTENCE_PROFILE],
    METRICS_PUBLIC: identityConfig(env).areMetricsPublic,
  };
  const values = Object.entries(variables).map(([name, schema]): [string, RecordedValue] => [
    name,
    recordedValue(variableNotes.get(schema)?.recorded, env[name as keyof Environment]),
  ]);
  return { ...Object.fromEntries(values), ...derived };
}

function rebalanceConfig(env: Environment) {
  return {
    areSupportApisEnabled: env.DPM_SUPPORT_APIS_ENABLED,
    areArtifactsEnabled: env.DPM_ARTIFACTS_ENABLED,
    artifactStoreMode: env.DPM_ARTIFACT_STORE_MODE,
    areLineageApisEnabled: env.DPM_LINEAGE_APIS_ENABLED,
    areIdempotencyHistoryApisEnabled: env.DPM_IDEMPOTENCY_HISTORY_APIS_ENABLED,
    areSummaryApisEnabled: env.DPM_SUPPORTABILITY_SUMMARY_APIS_ENABLED,
    areSupportBundleApisEnabled: env.DPM_SUPPORT_BUNDLE_APIS_ENABLED,
    retentionDays: env.DPM_SUPPORTABILITY_RETENTION_DAYS,
    areWavesEnabled: env.DPM_WAVES_ENABLED,
    replaysIdempotentRequests: env.DPM_IDEMPOTENCY_REPLAY_ENABLED,
    operations: {
      areEnabled: env.DPM_ASYNC_OPERATIONS_ENABLED,
      isManualExecutionEnabled: env.DPM_ASYNC_MANUAL_EXECUTION_ENABLED,
      executionMode: env.DPM_ASYNC_EXECUTION_MODE,
      ttlSeconds: env.DPM_ASYNC_OPERATIONS_TTL_SECONDS,
      retryForMs: env.DPM_ASYNC_RETRY_HOURS * HOUR_MS,
    },
    review: {
      isEnabled: env.DPM_WORKFLOW_ENABLED,
      requiredForStatuses: env.DPM_WORKFLOW_REQUIRES_REVIEW_FOR_STATUSES,
      requiresSegregation: env.DPM_WORKFLOW_REQUIRE_SEGREGATION,
    },
    policyPacks: {
      areEnabled: env.DPM_POLICY_PACKS_ENABLED,
      areAdminApisEnabled: env.DPM_POLICY_PACK_ADMIN_APIS_ENABLED,
      isTenantResolutionEnabled: env.DPM_TENANT_POLICY_PACK_RESOLUTION_ENABLED,
      defaultByTenant: env.DPM_TENANT_POLICY_PACK_MAP_JSON,
      defaultId: env.DPM_DEFAULT_POLICY_PACK_ID,
      refusesUnknown: env.UNKNOWN_POLICY_PACK === "refuse",
    },
  };
}
