import type { AuditEntry } from "../../src/features/audit/event.ts";
import { newId } from "../../src/platform/ids.ts";
import { withSession } from "./session.ts";

/** Columns of `audit_event`, with its details read. */
export type StoredAuditEvent = {
  readonly event_no: number;
  readonly event_id: string;
  readonly action: string;
  readonly actor_id: string | null;
  readonly authenticated_subject: string | null;
  readonly details: Readonly<Record<string, unknown>>;
};

/** A chain as it is stored, in its order. */
export async function storedChain(adminUrl: string, tenantId: string): Promise<StoredAuditEvent[]> {
  return withSession(adminUrl, async (session) => {
    const { rows } = await session.query<StoredAuditEvent>(
      `select event_no::int, event_id, action, actor_id, authenticated_subject, details_text::json as details
         from audit_event where tenant_id = $1 order by event_no`,
      [tenantId],
    );
    return rows;
  });
}

/** A refusal that nobody was told. */
export function auditEntry(change: Partial<AuditEntry> = {}): AuditEntry {
  return {
    event_id: newId("aev_"),
    action: "REQUEST_REFUSED",
    actor_id: "advisor_1",
    authenticated_subject: "advisor_1",
    correlation_id: "corr_test",
    details_text: '{"code":"FORBIDDEN"}',
    ...change,
  };
}
