import { sql, type Tx } from "../../platform/database/transaction.ts";
import type { PackRevision, StoredPack } from "./core.ts";

/** Lets one writer at a time at a pack, also at one that has no row yet to lock, until the transaction ends. */
export async function lockPack(tx: Tx, tenantId: string, policyPackId: string): Promise<void> {
  const name = JSON.stringify(["policy_pack", tenantId, policyPackId]);
  await tx`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`;
}

/** The newest revision, or the one that was in force at a moment. */
export async function findRevision(
  tx: Tx,
  tenantId: string,
  policyPackId: string,
  asOf?: string,
): Promise<PackRevision | undefined> {
  const [revision] = await tx<PackRevision>`
    select policy_pack_id, revision, version, definition_text, definition_hash, valid_from, correlation_id,
           authenticated_subject
      from policy_pack_version
     where tenant_id = ${tenantId}
       and policy_pack_id = ${policyPackId}
           ${asOf === undefined ? sql`` : sql`and valid_from <= ${asOf}`}
     order by revision desc
     limit 1`;
  return revision;
}

/**
 * The packs of a tenant, each as its newest revision. Steps from one id to the next through the index, so the cost goes
 * with the number of packs, not with how often they were changed.
 */
export async function listPacks(tx: Tx, tenantId: string): Promise<readonly StoredPack[]> {
  return tx<StoredPack>`
    with recursive pack as (
      (select policy_pack_id
         from policy_pack_version
        where tenant_id = ${tenantId}
        order by policy_pack_id
        limit 1)
      union all
      select (select v.policy_pack_id
                from policy_pack_version v
               where v.tenant_id = ${tenantId}
                 and v.policy_pack_id > pack.policy_pack_id
               order by v.policy_pack_id
               limit 1)
        from pack
       where pack.policy_pack_id is not null)
    select newest.policy_pack_id, newest.revision, newest.version, newest.definition_text, newest.definition_hash,
           newest.valid_from, newest.correlation_id, newest.authenticated_subject
      from pack
     cross join lateral (
           select v.*
             from policy_pack_version v
            where v.tenant_id = ${tenantId}
              and v.policy_pack_id = pack.policy_pack_id
            order by v.revision desc
            limit 1) as newest
     where newest.definition_text is not null`;
}

export async function insertRevision(tx: Tx, tenantId: string, revision: PackRevision): Promise<void> {
  await tx`
    insert into policy_pack_version
      (tenant_id, policy_pack_id, revision, version, definition_text, definition_hash, valid_from, correlation_id,
       authenticated_subject)
    values
      (${tenantId}, ${revision.policy_pack_id}, ${revision.revision}, ${revision.version},
       ${revision.definition_text}, ${revision.definition_hash}, ${revision.valid_from},
       ${revision.correlation_id}, ${revision.authenticated_subject})`;
}

/** Whether a revision is there as it was written: the same content from the same moment on, by the same request. */
export async function revisionExists(tx: Tx, tenantId: string, written: PackRevision): Promise<boolean> {
  const rows = await tx`
    select 1
      from policy_pack_version
     where tenant_id = ${tenantId}
       and policy_pack_id = ${written.policy_pack_id}
       and revision = ${written.revision}
       and definition_hash is not distinct from ${written.definition_hash}
       and valid_from = ${written.valid_from}
       and correlation_id = ${written.correlation_id}`;
  return rows.length > 0;
}
