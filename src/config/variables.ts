import {
  flag,
  integer,
  jsonMap,
  listOf,
  oneOf,
  optionalInteger,
  optionalText,
  serverUrl,
  text,
} from "./readers.ts";
import { parseServerAddress } from "../platform/database/address.ts";

const MINUTE_MS = 60_000;
const DAY_SECONDS = 86_400;
const MIB = 1_048_576;

const url = (about: string) => serverUrl(about, parseServerAddress);
const milliseconds = (fallback: number, about: string) => integer(fallback, 1, 10 * MINUTE_MS, about);

export const serviceVariables = {
  PORT: integer(8000, 0, 65_535, "Port to listen on; 0 takes a free one."),
  HOST: text("127.0.0.1", "Address to listen on; 0.0.0.0 for all."),
  LOG_LEVEL: oneOf(
    ["fatal", "error", "warn", "info", "debug", "trace", "silent"],
    "info",
    "Least severity that is logged.",
  ),
  MAX_BODY_BYTES: integer(MIB, 1_024, 64 * MIB, "Largest body with a portfolio; others have at most 64 KiB."),
  MAX_BODY_BYTES_IN_FLIGHT: integer(
    64 * MIB,
    1_024,
    64 * 1_024 * MIB,
    "Bytes of request bodies in work at once; one more is answered 503.",
  ),
  MAX_WAVE_BODY_BYTES: integer(
    64 * MIB,
    1_024,
    1_024 * MIB,
    "Largest body with portfolios of a wave, which is read as it comes; one of its portfolios, and what all share, have at most MAX_BODY_BYTES.",
  ),
  CALCULATION_THREADS: integer(
    0,
    0,
    256,
    "Threads that calculate; 0: one fewer than there are processors, but two at least.",
  ),
  CALCULATION_QUEUE_MAX: integer(
    64,
    0,
    100_000,
    "Calculations that may wait for a thread, if they do not need too long together; one more is answered 503.",
  ),
  MAX_CONNECTIONS: integer(1_000, 1, 100_000, "Connections of callers; one more is closed at once."),
  REQUEST_DEADLINE_MS: milliseconds(
    8_000,
    "Time in which a request is answered, if only with 503; a COMMIT under way then gets a second more. A body arrives in five eighths of it, else 408.",
  ),
  VERIFY_DEADLINE_MS: milliseconds(
    MINUTE_MS,
    "The same for the verifications, of a proposal, which calculates every version again, of the audit, and of a wave, and for what else is long of waves: bodies, files, a look at their progress.",
  ),
  SHUTDOWN_DRAIN_MS: optionalInteger(
    0,
    10 * MINUTE_MS,
    "Time after SIGTERM in which it still serves, while /health/ready says 503; unset: 0, in PRODUCTION 5000.",
  ),
  SHUTDOWN_GRACE_MS: milliseconds(9_000, "Time that requests in hand get to end after that."),
  APP_PERSISTENCE_PROFILE: oneOf(
    ["LOCAL", "PRODUCTION"],
    "LOCAL",
    "PRODUCTION refuses the embedded database and one login for everything.",
  ),
};

export const databaseVariables = {
  DATABASE_URL: url(
    "PostgreSQL 15 or later, as the service's login, of one host or several; unset: an embedded one.",
  ),
  MIGRATION_DATABASE_URL: url("The same database as the login that owns its tables; unset: DATABASE_URL."),
  MIGRATE_ON_START: flag(true, "Whether the start brings the schema up to date."),
  DATABASE_READ_URL: url("A streaming replica for lists, summary and lineage; unset: DATABASE_URL."),
  EMBEDDED_PG_DIR: text(".data/postgres", "Folder of the embedded PostgreSQL."),
  DATABASE_POOL_MAX: integer(10, 1, 500, "Connections, and so transactions under way at once."),
  DATABASE_QUEUE_MAX: integer(
    200,
    0,
    100_000,
    "Units of work that may wait for a connection; one more is answered 503.",
  ),
  DATABASE_QUEUE_WAIT_MS: milliseconds(2_000, "Longest wait for a connection."),
  DATABASE_CONNECT_TIMEOUT_MS: milliseconds(3_000, "Longest wait for a new connection to open."),
  DATABASE_STATEMENT_TIMEOUT_MS: milliseconds(5_000, "statement_timeout of each connection."),
  DATABASE_LOCK_TIMEOUT_MS: milliseconds(3_000, "lock_timeout of each connection."),
  DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS: milliseconds(
    5_000,
    "idle_in_transaction_session_timeout of each connection.",
  ),
};

export const eventVariables = {
  EVENTS_KEPT_DAYS: integer(
    30,
    0,
    36_500,
    "How long events of the feed are kept; 0 for ever. The longest of all processes rules.",
  ),
  EVENTS_MAX_WAITING: integer(
    500,
    1,
    100_000,
    "Requests for events that may wait for one, half of them of one tenant; one more is answered 503.",
  ),
  EVENTS_MAX_STREAMS: integer(
    200,
    1,
    100_000,
    "Streams of events that may be open, half of them of one tenant; one more is answered 503.",
  ),
};

export const contractVariables = {
  DEFAULT_RULES_VERSION: oneOf(
    ["1", "2"],
    "1",
    "Rules by which a request is calculated that names none, nor its policy pack.",
  ),
  REQUIRE_IDEMPOTENCY_KEY: oneOf(
    ["all", "create"],
    "all",
    "Which critical writes refuse a request without Idempotency-Key: all, or simulate, artifact and proposal create alone.",
  ),
  UNKNOWN_FIELDS: oneOf(
    ["refuse", "ignore"],
    "refuse",
    "What becomes of a body with a field that the contract does not know.",
  ),
  UNKNOWN_POLICY_PACK: oneOf(
    ["refuse", "ignore"],
    "refuse",
    "What becomes of a request whose X-Policy-Pack-Id names no pack: 422, or a run without a pack, with a warning.",
  ),
};

export const rebalanceVariables = {
  DPM_SUPPORT_APIS_ENABLED: flag(true, "Run lookups."),
  DPM_ARTIFACTS_ENABLED: flag(true, "Run artifacts."),
  DPM_ASYNC_OPERATIONS_ENABLED: flag(true, "Asynchronous analysis and its operations."),
  DPM_ASYNC_MANUAL_EXECUTION_ENABLED: flag(true, "Execution of a pending operation by request."),
  DPM_LINEAGE_APIS_ENABLED: flag(true, "Lineage."),
  DPM_IDEMPOTENCY_HISTORY_APIS_ENABLED: flag(true, "History of an idempotency key."),
  DPM_SUPPORTABILITY_SUMMARY_APIS_ENABLED: flag(true, "Summary of what is stored."),
  DPM_SUPPORT_BUNDLE_APIS_ENABLED: flag(true, "Support bundles."),
  DPM_WORKFLOW_ENABLED: flag(true, "Review of runs."),
  DPM_WORKFLOW_REQUIRES_REVIEW_FOR_STATUSES: listOf(
    ["READY", "BLOCKED", "PENDING_REVIEW"],
    ["PENDING_REVIEW"],
    "Run statuses that need a review, as a comma list.",
  ),
  DPM_WORKFLOW_REQUIRE_SEGREGATION: flag(
    true,
    "Whether whoever submitted a run is refused as its reviewer, where tokens say who both are.",
  ),
  DPM_POLICY_PACKS_ENABLED: flag(true, "Policy packs."),
  DPM_POLICY_PACK_ADMIN_APIS_ENABLED: flag(true, "Policy pack catalogue."),
  DPM_TENANT_POLICY_PACK_RESOLUTION_ENABLED: flag(true, "Whether a tenant has a default pack."),
  DPM_TENANT_POLICY_PACK_MAP_JSON: jsonMap("Default pack by tenant, as a JSON object."),
  DPM_DEFAULT_POLICY_PACK_ID: optionalText("Pack for whoever names none."),
  DPM_WAVES_ENABLED: flag(true, "Waves. Those that run go on where this is off."),
  DPM_IDEMPOTENCY_REPLAY_ENABLED: flag(true, "Whether simulate replays a key that it knows."),
  DPM_ASYNC_EXECUTION_MODE: oneOf(
    ["WORKER", "INLINE", "ACCEPT_ONLY"],
    "WORKER",
    "Who runs an analysis: WORKER a worker, INLINE the request that makes it, ACCEPT_ONLY the request to execute it. Operations of proposals, which have no such request, are a worker's unless INLINE.",
  ),
  DPM_ASYNC_OPERATIONS_TTL_SECONDS: integer(
    DAY_SECONDS,
    1,
    3_650 * DAY_SECONDS,
    "How long a finished operation is kept. The longest of all processes rules.",
  ),
  DPM_ASYNC_RETRY_HOURS: integer(
    24,
    1,
    720,
    "How long an operation that fails for no fault of its request is tried again, from the first failure on.",
  ),
  DPM_SUPPORTABILITY_RETENTION_DAYS: integer(
    0,
    0,
    36_500,
    "How long runs, and keys of analyses and of simulated proposals, are kept; 0 for ever. The longest of all processes rules.",
  ),
  DPM_ARTIFACT_STORE_MODE: oneOf(
    ["DERIVED", "PERSISTED"],
    "DERIVED",
    "Whether an artifact is made when asked for, or stored with its run.",
  ),
};

export const workerVariables = {
  WORKER_CONCURRENCY: integer(2, 1, 100, "Operations that a process works on at once."),
  WORKER_LEASE_MS: integer(
    30_000,
    1_000,
    10 * MINUTE_MS,
    "Time after which the operation of a worker that vanished is taken over.",
  ),
  WORKER_POLL_MS: milliseconds(1_000, "How often a worker looks for operations without being woken."),
  WAVE_BATCHES: integer(
    3,
    0,
    64,
    "Batches of wave items that a process works on at once; 0: none, the items are left to others.",
  ),
  RETENTION_INTERVAL_MS: integer(
    MINUTE_MS,
    1_000,
    DAY_SECONDS * 1_000,
    "How often what has expired is purged.",
  ),
};

export const proposalVariables = {
  PROPOSAL_WORKFLOW_LIFECYCLE_ENABLED: flag(true, "Proposals and their lifecycle."),
  PROPOSAL_SUPPORT_APIS_ENABLED: flag(true, "Timeline, approvals, lineage and lookups of proposals."),
  PROPOSAL_ASYNC_OPERATIONS_ENABLED: flag(true, "Asynchronous creation of proposals and versions."),
  PROPOSAL_STORE_EVIDENCE_BUNDLE: flag(true, "Whether a version keeps its evidence bundle."),
  PROPOSAL_REQUIRE_EXPECTED_STATE: flag(true, "Whether a transition must name the state that it expects."),
  PROPOSAL_REQUIRE_SIMULATION_FLAG: flag(
    true,
    "Whether proposals and versions need options.enable_proposal_simulation; simulate and artifact always do.",
  ),
  PROPOSAL_ALLOW_PORTFOLIO_CHANGE_ON_NEW_VERSION: flag(
    false,
    "Whether a new version may be for another portfolio.",
  ),
  PROPOSAL_REQUIRE_SEGREGATION_OF_DUTIES: flag(
    true,
    "Whether the maker of a version is refused as its approver.",
  ),
  PROPOSAL_REQUIRE_DISTINCT_APPROVERS: flag(
    false,
    "Whether RISK approval, COMPLIANCE approval and execution of a proposal must be by different people.",
  ),
  PROPOSAL_NEW_VERSION_RESTARTS_REVIEW: flag(
    true,
    "Whether a new version leads back to DRAFT; false keeps the state, for callers older than the rule.",
  ),
  PROPOSAL_ALLOW_BLOCKED_VERSIONS: flag(
    false,
    "Whether a version whose status is BLOCKED can be submitted, approved and executed.",
  ),
};
