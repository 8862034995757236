import postgres from "postgres";
import { newId } from "../../src/platform/ids.ts";
import type { FloorRow } from "./floor.ts";

/** As many as the service commits at once, and as many connections as it uses for it. */
const RUNS_AT_ONCE = 20;
const CONNECTIONS = 3;

/**
 * The floor under a wave: the rows of its runs alone, in the same sizes and batched in the same way, written by a bare loop
 * of the driver. Returns runs per second.
 */
export async function measureWaveFloor(url: string, row: FloorRow, runs: number): Promise<number> {
  const sql = postgres(url, {
    max: CONNECTIONS,
    connection: { role: "ballast_service" },
    onnotice: () => undefined,
  });
  let left = Math.ceil(runs / RUNS_AT_ONCE);
  const startedAt = performance.now();
  const loop = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await sql.begin((tx) => writeRuns(tx, row));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  const seconds = (performance.now() - startedAt) / 1_000;
  await sql.end();
  return runs / seconds;
}

async function writeRuns(tx: postgres.TransactionSql, { inputText, resultText }: FloorRow): Promise<void> {
  const ids = Array.from({ length: RUNS_AT_ONCE }, () => newId("rr_"));
  const hash = `sha256:${"0".repeat(64)}`;
  const now = new Date().toISOString();
  const scope = `waves.item ${newId("rw_")}`;
  await Promise.all([
    tx`select set_config('app.tenant_id', 'default', true)`,
    tx`insert into rebalance_run
         (tenant_id, rebalance_run_id, correlation_id, request_hash, portfolio_id, status, engine_version, input_hash,
          result_hash, created_at)
       select 'default', id, 'floor:' || id, ${hash}, 'pf_floor', 'READY', 'floor', ${hash}, ${hash}, ${now}::timestamptz
         from unnest(${ids}::text[]) as id`,
    ...ids.map(
      (id) => tx`insert into run_payload (tenant_id, rebalance_run_id, input_text, request_text, result_text)
        values ('default', ${id}, ${inputText}, null, ${resultText})`,
    ),
    tx`insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
       select 'default', source, type, id, ${now}::timestamptz, jsonb_build_object('request_hash', ${hash}::text)
         from unnest(${ids}::text[]) as id
        cross join lateral (values ('floor:' || id, 'CORRELATION_TO_RUN'), (${scope}, 'WAVE_TO_RUN')) as edge (source, type)`,
    tx`insert into idempotency_record
         (tenant_id, scope, idempotency_key, payload_hash, response_status, rebalance_run_id, created_at)
       select 'default', ${scope}, id, ${hash}, 200, id, ${now}::timestamptz from unnest(${ids}::text[]) as id`,
  ]);
}
