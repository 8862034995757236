import { OVERLOADED } from "../../platform/http/failures.ts";
import { pageOfRows } from "../../platform/http/pagination.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinArray, joinObject } from "../../platform/json/join-json.ts";
import type { Runtime } from "../../runtime.ts";
import { eventText } from "./event.ts";
import { positionOf, readEvents } from "./read-events.ts";
import * as schemas from "./schemas.ts";
import type { VerifyAudit } from "./verify-audit.ts";

type Options = Pick<Runtime, "config"> & { readonly verifyAudit: VerifyAudit };

/** What auditors ask. */
export const audit: FeaturePlugin<Options> = (app, { config, verifyAudit }) => {
  app.get(
    "/audit/events",
    { schema: schemas.listAuditEvents, config: { scope: "audit:read" } },
    async ({ runtime, context: { tenantId }, query }, reply) => {
      const { limit, cursor: after, ...filters } = query;
      const page = { tenantId, after, limit };
      const rows = await readEvents(runtime.database, filters, page);
      const { items, nextCursor } = pageOfRows(rows, page, schemas.auditCursor, positionOf);
      return reply.answer(
        joinObject({ items: joinArray(items.map(eventText)), next_cursor: canonicalJson(nextCursor) }),
      );
    },
  );

  app.get(
    "/audit/verify",
    {
      schema: schemas.verifyAudit,
      config: {
        scope: "audit:read",
        problems: [OVERLOADED],
        deadlineMs: config.server.verifyDeadlineMs,
      },
    },
    async ({ runtime, context }, reply) => reply.answer(await verifyAudit(runtime, context.tenantId)),
  );

  return Promise.resolve();
};
