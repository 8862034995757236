import type { FastifyInstance } from "fastify";
import answers from "./answers.json" with { type: "json" };
import { audit } from "./features/audit/plugin.ts";
import { refusals } from "./features/audit/refusals-plugin.ts";
import { createAuditVerification } from "./features/audit/verify-audit.ts";
import { events, eventsDeadlineMs } from "./features/events/plugin.ts";
import { watchFeed, type FeedWatch } from "./features/events/watch-feed.ts";
import { operationsPlugin } from "./features/operations/plugin.ts";
import type { Operations } from "./features/operations/operations.ts";
import { policies } from "./features/policies/plugin.ts";
import { proposals } from "./features/proposals/plugin.ts";
import { createVerification } from "./features/proposals/verify-proposal.ts";
import { rebalance } from "./features/rebalance/plugin.ts";
import { reports } from "./features/reports/plugin.ts";
import { reviews } from "./features/reviews/plugin.ts";
import { runs } from "./features/runs/plugin.ts";
import { docs } from "./features/service/docs.ts";
import { service } from "./features/service/plugin.ts";
import { readinessCheck, type Lifecycle } from "./features/service/readiness.ts";
import { support } from "./features/support/plugin.ts";
import { waves } from "./features/waves/plugin.ts";
import { actor } from "./platform/http/actor.ts";
import { allowedMethods } from "./platform/http/allowed-methods.ts";
import { databaseUse } from "./platform/database/database.ts";
import { auth } from "./platform/http/auth/auth.ts";
import { requestContext } from "./platform/http/context.ts";
import { crossOrigin } from "./platform/http/cross-origin.ts";
import { idempotencyKey } from "./platform/http/idempotency-key.ts";
import { idempotentReply } from "./platform/http/idempotent-reply.ts";
import { openApi } from "./platform/http/openapi.ts";
import { problems } from "./platform/http/problems.ts";
import { requestBody } from "./platform/http/request-body.ts";
import { requestDeadline } from "./platform/http/request-deadline.ts";
import { requestHead } from "./platform/http/request-head.ts";
import { requestLog } from "./platform/http/request-log.ts";
import { createServer, MOST_PARAM_CHARACTERS } from "./platform/http/server.ts";
import { strictJson } from "./platform/http/strict-json.ts";
import { validation } from "./platform/http/validation.ts";
import { watchEventReaders, watchPools, watchProcess } from "./platform/metrics.ts";
import { requestRuntime } from "./request-runtime.ts";
import type { Runtime } from "./runtime.ts";

export type AppOptions = {
  readonly runtime: Runtime;
  readonly operations: Operations;
  readonly lifecycle: Lifecycle;
};

/** The whole HTTP service, not yet listening. Does no I/O. */
export async function buildApp({ runtime, operations, lifecycle }: AppOptions): Promise<FastifyInstance> {
  const { config, log, metrics } = runtime;
  watchMetrics(runtime);
  const { requestDeadlineMs, verifyDeadlineMs } = config.server;
  const longestDeadlineMs = Math.max(requestDeadlineMs, verifyDeadlineMs, eventsDeadlineMs(config));
  const app = createServer({ log, metrics, ...config.server, longestDeadlineMs });
  await app.register(requestContext);
  await app.register(problems);
  await app.register(requestLog, { log, metrics });
  await app.register(requestDeadline, { requestDeadlineMs });
  await app.register(requestRuntime, { runtime });
  await app.register(refusals, { runtime });
  await app.register(requestHead);
  await app.register(crossOrigin, { origins: config.auth.corsOrigins });
  await app.register(auth, { ...config.auth, log, metrics });
  await app.register(requestBody, config.server);
  await app.register(allowedMethods, { maxParamLength: MOST_PARAM_CHARACTERS });
  await app.register(idempotentReply, { metrics });
  // Ahead of all routes: it describes those that are registered after it.
  await app.register(openApi, {
    info: { ...INFO, version: runtime.engineVersion },
    servers: SERVERS,
    tags: TAGS,
    answers,
  });
  // In a scope of their own, so that pages and unknown routes are not validated.
  await app.register(async (api) => {
    await api.register(strictJson);
    await api.register(idempotencyKey, { requirement: config.contract.requireIdempotencyKey });
    await api.register(validation, {
      unknownFields: config.contract.unknownFields,
      calculations: runtime.calculations,
    });
    await api.register(actor);
    await api.register(rebalance, { config, operations });
    await api.register(operationsPlugin, { config, operations });
    await api.register(waves, { config });
    await api.register(runs, { config });
    await api.register(reviews, { config });
    await api.register(support, { config });
    await api.register(policies, { config });
    const verifyProposal = createVerification(runtime);
    await api.register(proposals, { config, operations, verifyProposal });
    await api.register(audit, { config, verifyAudit: createAuditVerification(runtime) });
    await api.register(events, { config, watch: openFeedWatch(runtime) });
    await api.register(reports, { config, verifyProposal });
    await api.register(service, { runtime, checkReady: readinessCheck(runtime.database, lifecycle) });
  });
  await app.register(docs, { isPublic: config.auth.areDocsPublic, version: runtime.engineVersion });
  return app;
}

function openFeedWatch({ config, database, log, metrics }: Runtime): FeedWatch {
  const watch = watchFeed({
    database,
    ...config.events,
    onError: (error) => log.warn({ err: error }, "events are not looked for, those who wait go on waiting"),
  });
  watchEventReaders(metrics, { waiting: watch.waiting.taken, stream: watch.streams.taken });
  return watch;
}

function watchMetrics({ metrics, database, reads }: Runtime): void {
  const { replica } = reads;
  watchProcess(metrics);
  watchPools(metrics, {
    primary: () => databaseUse(database),
    ...(replica === null ? {} : { replica: () => databaseUse(replica.database) }),
  });
}

const INFO = {
  title: "Ballast",
  contact: { name: "Ballast" },
  license: { name: "All rights reserved", identifier: "LicenseRef-Proprietary" },
  description: `Durable private-bank portfolio work: discretionary rebalances and advisory proposals. Every write is stored
exactly once; a repeated request with the same Idempotency-Key gets the stored answer, byte for byte. Decimals are texts
on the way out, and texts or JSON numbers on the way in. Errors are RFC 9457 problems whose \`detail\` is a stable code.`,
};

/** The first is right wherever the document is read from the service itself. */
const SERVERS = [
  { url: "/", description: "The service that serves this document." },
  { url: "http://127.0.0.1:8000", description: "A service of your own, as npm start makes it." },
];

/** The groups of operations, in the order in which they are shown. */
const TAGS = [
  {
    name: "Proposals",
    description:
      "Advisory proposals: simulated, packaged, reviewed version by version, consented to, executed.",
  },
  { name: "Proposal operations", description: "Creation of proposals and versions that is done later." },
  { name: "Rebalancing", description: "Discretionary rebalances, one or several side by side." },
  {
    name: "Waves",
    description: "Many portfolios at once, durably: sent, started, paused, watched, verified.",
  },
  { name: "Operations", description: "Analyses that are done later: how far they are, retry, cancellation." },
  { name: "Runs", description: "Stored runs: look-up, artifact, reproduction, and what led to them." },
  { name: "Run review", description: "The review of runs that need one." },
  { name: "Policy packs", description: "Options of the bank that override those of requests." },
  {
    name: "Audit",
    description: "Who was refused, and what of the deployment was changed: append-only, chained.",
  },
  { name: "Events", description: "The feed of what was committed, in pages and as a stream." },
  { name: "Support", description: "What belongs together, how much there is, and whether it still fits." },
  { name: "Service", description: "Health, metrics and capabilities of the service itself." },
];
