import type { NumberRange } from "../../../platform/database/number-pages.ts";
import { sql, type SqlFragment, type Tx } from "../../../platform/database/transaction.ts";
import type { MadeVersion, ShownVersion, VersionHeader, VersionRow } from "../version.ts";

/** Written under the lock of the proposal, and never changed. */
export async function insertVersion(tx: Tx, tenantId: string, version: MadeVersion): Promise<void> {
  await tx`
    insert into proposal_version
      (tenant_id, proposal_id, version_no, proposal_version_id, created_by, created_at, correlation_id,
       idempotency_key, portfolio_id, status_at_creation, engine_version, request_hash, simulation_hash,
       artifact_hash, artifact_text_hash, keeps_evidence, gate_text, request_text, result_text, artifact_text,
       created_by_folded, authenticated_subject)
    values
      (${tenantId}, ${version.proposal_id}, ${version.version_no}, ${version.proposal_version_id},
       ${version.created_by}, ${version.created_at}, ${version.correlation_id}, ${version.idempotency_key},
       ${version.portfolio_id}, ${version.status_at_creation}, ${version.engine_version}, ${version.request_hash},
       ${version.simulation_hash}, ${version.artifact_hash}, ${version.artifact_text_hash},
       ${version.keeps_evidence}, ${version.gate_text}, ${version.request_text}, ${version.result_text},
       ${version.artifact_text}, ${version.created_by_folded}, ${version.authenticated_subject})`;
}

const HEADER_COLUMNS = sql`
  proposal_id, version_no, proposal_version_id, created_by, created_at, correlation_id, idempotency_key, portfolio_id,
  status_at_creation, engine_version, request_hash, simulation_hash, artifact_hash, artifact_text_hash, keeps_evidence,
  gate_text, created_by_folded, authenticated_subject`;

/** A version as an answer shows it, by default the current one. The request is read where the evidence shows it. */
export async function findVersion(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  versionNo: number | "current",
  includesEvidence: boolean,
): Promise<ShownVersion | undefined> {
  const [version] = await tx<ShownVersion>`
    select ${HEADER_COLUMNS}, result_text, artifact_text,
           case when keeps_evidence and ${includesEvidence}::boolean then request_text end as request_text
      from proposal_version
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
       and version_no = ${numberOf(tenantId, proposalId, versionNo)}`;
  return version;
}

/** A version with its artifact alone. */
export type PackagedVersion = VersionHeader & Pick<VersionRow, "artifact_text">;

/** What is shown of a version to people, by default of the current one. */
export async function findPackagedVersion(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  versionNo: number | "current",
): Promise<PackagedVersion | undefined> {
  const [version] = await tx<PackagedVersion>`
    select ${HEADER_COLUMNS}, artifact_text
      from proposal_version
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
       and version_no = ${numberOf(tenantId, proposalId, versionNo)}`;
  return version;
}

function numberOf(tenantId: string, proposalId: string, versionNo: number | "current"): SqlFragment {
  return versionNo === "current"
    ? sql`(select current_version_no from proposal where tenant_id = ${tenantId} and proposal_id = ${proposalId})`
    : sql`${versionNo}::integer`;
}

/** A page ends with the version whose documents fill `bytes`, or with the last of `rows`. */
export type PageSize = { readonly rows: number; readonly bytes: number };

/** Versions with all their documents, oldest first: one page, with at least one where there is one. */
export async function listWholeVersions(
  tx: Tx,
  tenantId: string,
  proposalId: string,
  { after, upTo }: NumberRange,
  { rows, bytes }: PageSize,
): Promise<readonly VersionRow[]> {
  return tx<VersionRow>`
    select ${HEADER_COLUMNS}, request_text, result_text, artifact_text
      from (
        select *,
               sum(octet_length(request_text) + octet_length(result_text) + octet_length(artifact_text))
                 over (order by version_no rows between unbounded preceding and 1 preceding) as bytes_before
          from proposal_version
         where tenant_id = ${tenantId}
           and proposal_id = ${proposalId}
           and version_no > ${after}
           and version_no <= ${upTo}
         order by version_no
         limit ${rows}) as page
     where coalesce(bytes_before, 0) < ${bytes}
     order by version_no`;
}

/** Without their documents, oldest first. */
export async function listVersions(
  tx: Tx,
  tenantId: string,
  proposalId: string,
): Promise<readonly VersionHeader[]> {
  return tx<VersionHeader>`
    select ${HEADER_COLUMNS}
      from proposal_version
     where tenant_id = ${tenantId}
       and proposal_id = ${proposalId}
     order by version_no`;
}
