import { sql, type Tx } from "../../../platform/database/transaction.ts";
import type { StoredAnswer } from "../../../platform/idempotency/repository.ts";
import type { Text } from "../../../platform/text-parts.ts";

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

type StoredSimulation = {
  /** Null also where it was not asked for. */
  readonly result_text: string | null;
  readonly artifact_text: string | null;
  readonly created_at: string;
};

/** The simulation that a key of simulate and artifact stands for. */
export async function findSimulation(
  tx: Tx,
  tenantId: string,
  scope: string,
  key: string,
  withResult: boolean,
): Promise<StoredSimulation | undefined> {
  const [simulation] = await tx<StoredSimulation>`
    select case when ${withResult}::boolean then response_body end as result_text, artifact_text, created_at
      from idempotency_record
     where tenant_id = ${tenantId}
       and scope = ${scope}
       and idempotency_key = ${key}`;
  return simulation;
}

/** Stores the second answer of a key; whoever comes first decides its bytes, which are returned. They are not sent back to them. */
export async function storeArtifact(
  tx: Tx,
  tenantId: string,
  scope: string,
  key: string,
  artifactText: Text,
): Promise<Text> {
  const { count } = await tx`
    update idempotency_record
       set artifact_text = ${artifactText}
     where tenant_id = ${tenantId}
       and scope = ${scope}
       and idempotency_key = ${key}
       and artifact_text is null`;
  if (count === 1) return artifactText;
  const first = await findSimulation(tx, tenantId, scope, key, false);
  if (first === undefined || first.artifact_text === null) throw new Error("a stored simulation went away");
  return first.artifact_text;
}
