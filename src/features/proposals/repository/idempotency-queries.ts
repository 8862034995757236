import { sql, type Tx } from "../../../platform/database/transaction.ts";
import type { StoredAnswer } from "../../../platform/idempotency/repository.ts";

/** What the keys of proposals stand for. */

/** The answer to whoever made a version: good only as long as that version is there. */
export const ANSWER_OF_VERSION: StoredAnswer = {
  join: sql`
      left join proposal_version v
        on v.tenant_id = r.tenant_id
       and v.proposal_id = r.proposal_id
       and v.version_no = r.proposal_version_no`,
  body: sql`case when r.proposal_id is null or v.version_no is not null then r.response_body end`,
};

export type ProposalKeyMapping = {
  readonly idempotency_key: string;
  readonly request_hash: string;
  readonly proposal_id: string;
  readonly proposal_version_no: number;
  readonly created_at: string;
  /** False: what the key made is not there. */
  readonly is_whole: boolean;
};

/** What a key made: a proposal, or else the newest version that was added to one under this key. */
export async function findKeyMapping(
  tx: Tx,
  tenantId: string,
  key: string,
  createScope: string,
): Promise<ProposalKeyMapping | undefined> {
  const [mapping] = await tx<ProposalKeyMapping>`
    select r.idempotency_key, r.payload_hash as request_hash, r.proposal_id, r.proposal_version_no, r.created_at,
           v.version_no is not null as is_whole
      from idempotency_record r
      left join proposal_version v
        on v.tenant_id = r.tenant_id
       and v.proposal_id = r.proposal_id
       and v.version_no = r.proposal_version_no
     where r.tenant_id = ${tenantId}
       and r.idempotency_key = ${key}
       and r.proposal_id is not null
     order by r.scope = ${createScope} desc, r.created_at desc
     limit 1`;
  return mapping;
}

export type StoredSimulation = {
  readonly result_text: string;
  readonly artifact_text: string | null;
  readonly created_at: string;
};

/** The simulation that a key of simulate and artifact stands for. */
export async function findSimulation(
  tx: Tx,
  tenantId: string,
  scope: string,
  key: string,
): Promise<StoredSimulation | undefined> {
  const [simulation] = await tx<StoredSimulation>`
    select response_body as result_text, artifact_text, created_at
      from idempotency_record
     where tenant_id = ${tenantId}
       and scope = ${scope}
       and idempotency_key = ${key}`;
  return simulation;
}

/** Stores the second answer of a key; whoever comes first decides its bytes, which are returned. */
export async function storeArtifact(
  tx: Tx,
  tenantId: string,
  scope: string,
  key: string,
  artifactText: string,
): Promise<string> {
  const [stored] = await tx<{ artifact_text: string }>`
    update idempotency_record
       set artifact_text = coalesce(artifact_text, ${artifactText})
     where tenant_id = ${tenantId}
       and scope = ${scope}
       and idempotency_key = ${key}
    returning artifact_text`;
  if (stored === undefined) throw new Error("a stored simulation went away");
  return stored.artifact_text;
}
