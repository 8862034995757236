import type { RulesVersion } from "../../../contract/options.ts";
import { sql, type SqlFragment, type Tx } from "../../../platform/database/transaction.ts";
import type { TimePosition } from "../../../platform/http/cursor.ts";
import { rowsToRead, type PageRequest } from "../../../platform/http/pagination.ts";
import type { WaveFacts } from "../core/event.ts";
import type { Ended } from "../core/states.ts";
import type { WaveState } from "../schemas.ts";

/** A wave as it stands, without what its items share. */
export type WaveRow = WaveFacts &
  Ended & {
    readonly state: WaveState;
    readonly last_event_no: number;
    readonly last_event_hash: string;
    readonly last_event_at: string;
    readonly running_since: string | null;
    readonly ended_before: number;
    readonly settled_at: string | null;
  };

const waveColumns = sql`
  w.wave_id, w.wave_name, w.created_by, w.authenticated_subject, w.correlation_id, w.created_at, w.policy_pack_id,
  w.policy_pack_version, w.policy_pack_revision, w.is_pack_missing, w.default_rules_version, w.shared_hash, w.state,
  w.last_event_no, w.last_event_hash, w.last_event_at, w.item_count, w.ready_count, w.pending_review_count, w.blocked_count, w.failed_count,
  w.cancelled_count, w.running_since, w.ended_before, w.settled_at`;

/** One wave of a tenant; not one that is being purged. */
function isWave(tenantId: string, waveId: string): SqlFragment {
  return sql`w.tenant_id = ${tenantId} and w.wave_id = ${waveId} and not w.is_expired`;
}

/** Writes a wave that stands where its first event, which is written next, leaves it. */
export async function insertWave(tx: Tx, tenantId: string, wave: WaveRow, sharedText: string): Promise<void> {
  await tx`
    insert into wave
      (tenant_id, wave_id, wave_name, created_by, authenticated_subject, correlation_id, created_at, policy_pack_id,
       policy_pack_version, policy_pack_revision, is_pack_missing, default_rules_version, shared_text, shared_hash, state,
       last_event_no, last_event_hash, last_event_at, item_count)
    values
      (${tenantId}, ${wave.wave_id}, ${wave.wave_name}, ${wave.created_by}, ${wave.authenticated_subject},
       ${wave.correlation_id}, ${wave.created_at}, ${wave.policy_pack_id}, ${wave.policy_pack_version},
       ${wave.policy_pack_revision}, ${wave.is_pack_missing}, ${wave.default_rules_version},
       ${sharedText}, ${wave.shared_hash}, ${wave.state}, ${wave.last_event_no}, ${wave.last_event_hash},
       ${wave.last_event_at}, ${wave.item_count})`;
}

export async function findWave(tx: Tx, tenantId: string, waveId: string): Promise<WaveRow | undefined> {
  const [row] = await tx<WaveRow>`select ${waveColumns} from wave w where ${isWave(tenantId, waveId)}`;
  return row;
}

/** Holds the wave still until the transaction ends. */
export async function lockWave(tx: Tx, tenantId: string, waveId: string): Promise<WaveRow | undefined> {
  const [row] = await tx<WaveRow>`
    select ${waveColumns} from wave w where ${isWave(tenantId, waveId)} for no key update`;
  return row;
}

/** What every item of a wave is calculated from and recorded with. */
export type WaveWork = {
  readonly correlation_id: string;
  readonly authenticated_subject: string | null;
  readonly shared_text: string;
  readonly policy_pack_id: string | null;
  readonly policy_pack_version: string | null;
  readonly policy_pack_revision: number | null;
  readonly is_pack_missing: boolean;
  readonly default_rules_version: RulesVersion;
  /** Of the pack; null where there is none. */
  readonly definition_text: string | null;
  readonly valid_from: string | null;
};

export async function findWaveWork(tx: Tx, tenantId: string, waveId: string): Promise<WaveWork | undefined> {
  const [row] = await tx<WaveWork>`
    select w.correlation_id, w.authenticated_subject, w.shared_text, w.policy_pack_id, w.policy_pack_version,
           w.policy_pack_revision, w.is_pack_missing, w.default_rules_version, v.definition_text, v.valid_from
      from wave w
      left join policy_pack_version v
        on v.tenant_id = w.tenant_id
       and v.policy_pack_id = w.policy_pack_id
       and v.revision = w.policy_pack_revision
     where ${isWave(tenantId, waveId)}`;
  return row;
}

/** How many more items have come to which end. A retry takes failures back. */
export type EndedChange = Omit<Ended, "item_count">;

/** Counts what has ended, which takes the lock of the wave, and returns it as it stands then. */
export async function countEnded(
  tx: Tx,
  tenantId: string,
  waveId: string,
  change: EndedChange,
): Promise<WaveRow | undefined> {
  const [row] = await tx<WaveRow>`
    update wave w
       set ready_count = w.ready_count + ${change.ready_count},
           pending_review_count = w.pending_review_count + ${change.pending_review_count},
           blocked_count = w.blocked_count + ${change.blocked_count},
           failed_count = w.failed_count + ${change.failed_count},
           cancelled_count = w.cancelled_count + ${change.cancelled_count}
     where w.tenant_id = ${tenantId}
       and w.wave_id = ${waveId}
    returning ${waveColumns}`;
  return row;
}

/** What an event leaves behind. */
export type LeftByEvent = Pick<
  WaveRow,
  | "wave_id"
  | "state"
  | "last_event_no"
  | "last_event_hash"
  | "last_event_at"
  | "item_count"
  | "failed_count"
  | "running_since"
  | "ended_before"
  | "settled_at"
>;

export async function updateWave(tx: Tx, tenantId: string, wave: LeftByEvent): Promise<void> {
  await tx`
    update wave
       set state = ${wave.state},
           last_event_no = ${wave.last_event_no},
           last_event_hash = ${wave.last_event_hash},
           last_event_at = ${wave.last_event_at},
           item_count = ${wave.item_count},
           failed_count = ${wave.failed_count},
           running_since = ${wave.running_since},
           ended_before = ${wave.ended_before},
           settled_at = ${wave.settled_at}
     where tenant_id = ${tenantId}
       and wave_id = ${wave.wave_id}`;
}

/** A wave of a list, with how many of its items are under way. */
export type ListedWave = WaveRow & { readonly running_count: number };

export type WaveFilters = {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly state?: WaveState | undefined;
  readonly created_by?: string | undefined;
};

/** Newest first. The cost of a page does not depend on its depth. */
export async function listWaves(
  tx: Tx,
  { from, to, state, created_by }: WaveFilters,
  page: PageRequest<TimePosition>,
): Promise<readonly ListedWave[]> {
  const { tenantId, after } = page;
  return tx<ListedWave>`
    select ${waveColumns},
           (select count(*)::int
              from wave_item i
             where i.tenant_id = w.tenant_id
               and i.wave_id = w.wave_id
               and i.status = 'RUNNING') as running_count
      from wave w
     where w.tenant_id = ${tenantId}
       and not w.is_expired
           ${state === undefined ? sql`` : sql`and w.state = ${state}`}
           ${created_by === undefined ? sql`` : sql`and w.created_by = ${created_by}`}
           ${from === undefined ? sql`` : sql`and w.created_at >= ${from}`}
           ${to === undefined ? sql`` : sql`and w.created_at <= ${to}`}
           ${after === undefined ? sql`` : sql`and (w.created_at, w.wave_id) < (${after.createdAt}, ${after.id})`}
     order by w.created_at desc, w.wave_id desc
     limit ${rowsToRead(page)}`;
}

/** Waves that were cancelled and of which something is left to do, of whichever tenants. */
export async function listCancelledWaves(
  tx: Tx,
  limit: number,
): Promise<readonly { readonly tenant_id: string; readonly wave_id: string }[]> {
  return tx<{ tenant_id: string; wave_id: string }>`
    select tenant_id, wave_id from list_cancelled_waves(${limit}::int)`;
}
