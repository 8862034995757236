import { Readable } from "node:stream";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import { readEventually } from "../../platform/database/read-eventually.ts";
import { sendEventStream } from "../../platform/http/event-stream.ts";
import { pageOfRows, pageText } from "../../platform/http/pagination.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinArray, joinObject } from "../../platform/json/join-json.ts";
import type { Runtime } from "../../runtime.ts";
import { itemText } from "./core/items.ts";
import { eventText, summaryOf, waveText } from "./core/wave.ts";
import { WAVE_NOT_FOUND } from "./names.ts";
import { firstPage, itemFile, readEvents, readItems, readWave } from "./read-waves.ts";
import { listWaves } from "./repository/waves.ts";
import * as schemas from "./route-schemas.ts";
import { verifyWave } from "./verify-wave.ts";
import { endId, readProgress, watchProgress } from "./watch-progress.ts";

type Options = Pick<Runtime, "config">;

const scope = "waves:read";
const problems = [WAVE_NOT_FOUND];

/** How far waves are, what their items came to, and whether all of it still holds. */
export const reads: FeaturePlugin<Options> = async (app, options) => {
  app.get(
    "/rebalance/waves",
    { schema: schemas.listWaves, config: { scope } },
    async ({ runtime, context: { tenantId }, query }, reply) => {
      const { limit, cursor: after, ...filters } = query;
      const page = { tenantId, after, limit };
      const now = runtime.clock().toISOString();
      const rows = await readEventually(runtime.reads, { tenantId }, (tx) => listWaves(tx, filters, page));
      const { items, nextCursor } = pageOfRows(rows, page, schemas.waveCursor, (row) => ({
        createdAt: row.created_at,
        id: row.wave_id,
      }));
      const shown = items.map((row) => summaryOf(row, row.running_count, now));
      return reply.answer(pageText(shown, nextCursor));
    },
  );

  app.get(
    "/rebalance/waves/:wave_id",
    { schema: schemas.getWave, config: { scope, problems } },
    async ({ runtime, context: { tenantId }, params }, reply) => {
      const view = await readWave(runtime, tenantId, params.wave_id);
      return view === undefined ? reply.problem(WAVE_NOT_FOUND) : reply.answer(waveText(view));
    },
  );

  app.get(
    "/rebalance/waves/:wave_id/events",
    { schema: schemas.listWaveEvents, config: { scope, problems } },
    async ({ runtime, context: { tenantId }, params, query }, reply) => {
      const page = { tenantId, after: query.cursor, limit: query.limit };
      const rows = await readEvents(runtime.database, params.wave_id, page);
      if (rows === undefined) return reply.problem(WAVE_NOT_FOUND);
      const shown = pageOfRows(rows, page, schemas.eventCursor, ({ event_no }) => event_no);
      return reply.answer(textsPage(shown.items.map(eventText), shown.nextCursor));
    },
  );

  app.get(
    "/rebalance/waves/:wave_id/verify",
    {
      schema: schemas.verifyWave,
      config: { scope, problems, deadlineMs: options.config.server.verifyDeadlineMs },
    },
    async ({ runtime, context: { tenantId }, params: { wave_id } }, reply) => {
      const verification = await verifyWave(runtime, tenantId, wave_id);
      if (verification === undefined) return reply.problem(WAVE_NOT_FOUND);
      const valid = verification.failures.length === 0;
      return reply.answer(canonicalJson({ wave_id, valid, ...verification }));
    },
  );

  await app.register(itemReads, options);
  await app.register(progress, options);
};

const itemReads: FeaturePlugin<Options> = (app, { config: { server } }) => {
  app.get(
    "/rebalance/waves/:wave_id/items",
    { schema: schemas.listWaveItems, config: { scope, problems } },
    async ({ runtime, context: { tenantId }, params, query }, reply) => {
      const { limit, cursor: after, ...filters } = query;
      const page = { tenantId, after, limit };
      const rows = await readItems(runtime.database, params.wave_id, filters, page);
      if (rows === undefined) return reply.problem(WAVE_NOT_FOUND);
      const shown = pageOfRows(rows, page, schemas.itemCursor, ({ item_key }) => item_key);
      return reply.answer(textsPage(shown.items.map(itemText), shown.nextCursor));
    },
  );

  app.get(
    "/rebalance/waves/:wave_id/items.csv",
    { schema: schemas.exportWaveItems, config: { scope, problems, deadlineMs: server.verifyDeadlineMs } },
    async ({ runtime, context: { tenantId }, params: { wave_id }, query }, reply) => {
      const { database } = runtime;
      const first = await readItems(database, wave_id, query, firstPage(tenantId));
      if (first === undefined) return reply.problem(WAVE_NOT_FOUND);
      const lines = itemFile(database, tenantId, wave_id, query, first);
      return reply
        .type("text/csv; charset=utf-8")
        .header("content-disposition", 'attachment; filename="items.csv"')
        .send(Readable.from(lines, { objectMode: false }));
    },
  );

  return Promise.resolve();
};

const progress: FeaturePlugin<Options> = (app, { config: { server } }) => {
  const closing = new AbortController();
  app.addHook("preClose", (done) => {
    closing.abort();
    done();
  });

  app.get(
    "/rebalance/waves/:wave_id/progress",
    { schema: schemas.watchWave, config: { scope, problems, deadlineMs: server.verifyDeadlineMs } },
    async ({ runtime, context: { tenantId }, params: { wave_id: waveId }, headers, deadline }, reply) => {
      const first = await readProgress(runtime.database, tenantId, waveId);
      if (first === undefined) return reply.problem(WAVE_NOT_FOUND);
      const last = headers["last-event-id"];
      const lastEventId = typeof last === "string" ? last : null;
      if (first.wave.settled_at !== null && lastEventId === endId(first)) return reply.code(204).send();
      const watch = { tenantId, waveId, lastEventId, deadline, closing: closing.signal };
      return sendEventStream(reply, watchProgress(runtime, watch, first));
    },
  );

  return Promise.resolve();
};

/** A page of items that are canonical text already. */
function textsPage(items: readonly string[], nextCursor: string | null): string {
  return joinObject({ items: joinArray(items), next_cursor: canonicalJson(nextCursor) });
}
