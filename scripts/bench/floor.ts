import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { newId } from "../../src/platform/ids.ts";

/** How the statements of a transaction follow each other. */
export type Manner = "one by one" | "together";

/** The documents of one run, in their real sizes. */
export type FloorRow = { readonly inputText: string; readonly resultText: string };

/**
 * The floor under HTTP simulate: its write transaction alone, the same statements with the same row sizes, sent by a
 * bare loop of the driver over as many connections as the service has, each statement after the answer to the one before,
 * or all of them together, as the service sends them. Returns transactions per second.
 */
export async function measureFloor(
  url: string,
  row: FloorRow,
  connections: number,
  seconds: number,
  manner: Manner,
): Promise<number> {
  const sql = postgres(url, {
    max: connections,
    connection: { role: "ballast_service" },
    onnotice: () => undefined,
  });
  const until = performance.now() + seconds * 1000;
  let committed = 0;
  const startedAt = performance.now();
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      await sql.begin((tx) => writeRun(tx, row, manner));
      committed += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  const took = (performance.now() - startedAt) / 1000;
  await sql.end();
  return committed / took;
}

async function writeRun(tx: postgres.TransactionSql, row: FloorRow, manner: Manner): Promise<void> {
  if (manner === "together") {
    await Promise.all(statements(tx, row).map((send) => send()));
  } else {
    for (const send of statements(tx, row)) await send();
  }
}

function statements(
  tx: postgres.TransactionSql,
  { inputText, resultText }: FloorRow,
): (() => PromiseLike<unknown>)[] {
  const runId = newId("rr_");
  const key = randomUUID();
  const hash = `sha256:${"0".repeat(64)}`;
  const now = new Date().toISOString();
  return [
    () => tx`select set_config('app.tenant_id', 'default', true)`,
    () => tx`insert into rebalance_run
         (tenant_id, rebalance_run_id, correlation_id, request_hash, idempotency_key, portfolio_id, status, engine_version,
          input_hash, result_hash, created_at)
       values ('default', ${runId}, 'corr_floor', ${hash}, ${key}, 'pf_floor', 'READY', 'floor', ${hash}, ${hash}, ${now})`,
    () => tx`insert into run_payload (tenant_id, rebalance_run_id, input_text, request_text, result_text)
       values ('default', ${runId}, ${inputText}, null, ${resultText})`,
    () => tx`insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
       values ('default', 'corr_floor', 'CORRELATION_TO_RUN', ${runId}, ${now}, jsonb_build_object('request_hash', ${hash}::text))`,
    () => tx`insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
       values ('default', ${key}, 'IDEMPOTENCY_TO_RUN', ${runId}, ${now}, jsonb_build_object('request_hash', ${hash}::text))`,
    () => tx`insert into idempotency_history
         (tenant_id, idempotency_key, rebalance_run_id, correlation_id, request_hash, created_at)
       values ('default', ${key}, ${runId}, 'corr_floor', ${hash}, ${now})`,
    () => tx`insert into idempotency_record
         (tenant_id, scope, idempotency_key, payload_hash, response_status, rebalance_run_id, created_at)
       values ('default', 'rebalance.simulate', ${key}, ${hash}, 200, ${runId}, ${now})`,
  ];
}
