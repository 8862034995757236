import type { FastifyReply } from "fastify";
import { readEventually } from "../../platform/database/read-eventually.ts";
import { OVERLOADED } from "../../platform/http/failures.ts";
import { pageOfRows, pageText } from "../../platform/http/pagination.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Runtime } from "../../runtime.ts";
import { artifactText } from "./derive-artifact.ts";
import { readKeyHistory, readKeyMapping, readRun } from "./read-run.ts";
import { listRuns, type StoredRun } from "./repository.ts";
import { costOfReproduction, REPRODUCE_RUN } from "./reproduce-run.ts";
import { MISSING_RUN } from "./run-paths.ts";
import { runText } from "./run-text.ts";
import * as schemas from "./schemas.ts";

type Options = Pick<Runtime, "config">;

const {
  run_not_found: RUN_NOT_FOUND,
  key_not_found: KEY_NOT_FOUND,
  inconsistent: INCONSISTENT,
} = MISSING_RUN;

/** Runs: how they are found again, their artifact, and what their keys led to. */
export const runs: FeaturePlugin<Options> = async (app, options) => {
  await app.register(lookups, options);
  await app.register(artifacts, options);
  await app.register(keyHistory, options);
};

const lookups: FeaturePlugin<Options> = (app, options) => {
  const { areSupportApisEnabled } = options.config.rebalance;
  switchGroup(app, areSupportApisEnabled, "DPM_SUPPORT_APIS_DISABLED");

  const config = { scope: "rebalance:read", problems: [RUN_NOT_FOUND] } as const;

  app.get(
    "/rebalance/runs",
    { schema: schemas.listRuns, config: { scope: "rebalance:read" } },
    async ({ runtime, context: { tenantId }, query }, reply) => {
      const { limit, cursor: after, ...filters } = query;
      const page = { tenantId, after, limit };
      const rows = await readEventually(runtime.reads, { tenantId }, (tx) => listRuns(tx, filters, page));
      const { items, nextCursor } = pageOfRows(rows, page, schemas.runCursor, (row) => ({
        createdAt: row.created_at,
        id: row.rebalance_run_id,
      }));
      return reply.answer(pageText(items, nextCursor));
    },
  );

  app.get(
    "/rebalance/runs/:rebalance_run_id",
    { schema: schemas.getRun, config },
    async ({ runtime, context: { tenantId }, params: { rebalance_run_id: value } }, reply) =>
      sendRun(reply, await readRun(runtime.database, tenantId, { by: "rebalance_run_id", value })),
  );

  app.get(
    "/rebalance/runs/by-correlation/:correlation_id",
    { schema: schemas.getRunByCorrelation, config },
    async ({ runtime, context: { tenantId }, params: { correlation_id: value } }, reply) =>
      sendRun(reply, await readRun(runtime.database, tenantId, { by: "correlation_id", value })),
  );

  app.get(
    "/rebalance/runs/by-request-hash/:request_hash",
    { schema: schemas.getRunByRequestHash, config },
    async ({ runtime, context: { tenantId }, params: { request_hash: value } }, reply) =>
      sendRun(reply, await readRun(runtime.database, tenantId, { by: "request_hash", value })),
  );

  app.get(
    "/rebalance/runs/idempotency/:idempotency_key",
    {
      schema: schemas.getRunByIdempotencyKey,
      config: { scope: "rebalance:read", problems: [KEY_NOT_FOUND, INCONSISTENT] },
    },
    async ({ runtime, context, params }, reply) => {
      const mapping = await readKeyMapping(runtime.database, context.tenantId, params.idempotency_key);
      if (mapping === undefined) return reply.problem(KEY_NOT_FOUND);
      if (mapping.rebalance_run_id === null) return reply.problem(INCONSISTENT);
      return reply.answer(canonicalJson(mapping));
    },
  );

  app.post(
    "/rebalance/runs/:rebalance_run_id/reproduce",
    { schema: schemas.reproduceRun, config: { ...config, problems: [RUN_NOT_FOUND, OVERLOADED] } },
    async ({ runtime, context: { tenantId }, params: { rebalance_run_id: value } }, reply) => {
      const run = await readRun(runtime.database, tenantId, { by: "rebalance_run_id", value });
      if (run === undefined) return reply.problem(RUN_NOT_FOUND);
      return reply.answer(await reproductionText(runtime, run));
    },
  );

  return Promise.resolve();
};

async function reproductionText({ calculations, engineVersion }: Runtime, run: StoredRun): Promise<string> {
  const terms = { cost: costOfReproduction(run) };
  return canonicalJson(await calculations.run(REPRODUCE_RUN, { run, engineVersion }, terms));
}

function sendRun(reply: FastifyReply, run: StoredRun | undefined): FastifyReply {
  return run === undefined ? reply.problem(RUN_NOT_FOUND) : reply.answer(runText(run));
}

const artifacts: FeaturePlugin<Options> = (app, options) => {
  const { areArtifactsEnabled } = options.config.rebalance;
  switchGroup(app, areArtifactsEnabled, "DPM_ARTIFACTS_DISABLED");

  app.get(
    "/rebalance/runs/:rebalance_run_id/artifact",
    {
      schema: schemas.getRunArtifact,
      config: { scope: "rebalance:read", problems: [RUN_NOT_FOUND, OVERLOADED] },
    },
    async ({ runtime, context: { tenantId }, params: { rebalance_run_id: value } }, reply) => {
      const run = await readRun(runtime.database, tenantId, { by: "rebalance_run_id", value }, true);
      if (run === undefined) return reply.problem(RUN_NOT_FOUND);
      return reply.answer(await artifactText(runtime.calculations, run));
    },
  );

  return Promise.resolve();
};

const keyHistory: FeaturePlugin<Options> = (app, options) => {
  const { areIdempotencyHistoryApisEnabled } = options.config.rebalance;
  const isOn = areIdempotencyHistoryApisEnabled;
  switchGroup(app, isOn, "DPM_IDEMPOTENCY_HISTORY_APIS_DISABLED");

  app.get(
    "/rebalance/idempotency/:idempotency_key/history",
    { schema: schemas.getIdempotencyHistory, config: { scope: "rebalance:read", problems: [KEY_NOT_FOUND] } },
    async ({ runtime, context, params: { idempotency_key } }, reply) => {
      const history = await readKeyHistory(runtime.database, context.tenantId, idempotency_key);
      if (history.length === 0) return reply.problem(KEY_NOT_FOUND);
      return reply.answer(canonicalJson({ history, idempotency_key }));
    },
  );

  return Promise.resolve();
};
