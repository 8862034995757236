import type {
  StoredEvidence,
  VerifiedEdge,
  VerifiedHistoryItem,
  VerifiedKeyRecord,
  VerifiedRun,
  VerifiedWaveItem,
} from "../repository/evidence.ts";
import type { RunVerificationFailure } from "../schemas.ts";

/** How a run is found again: its edges, and the record and history of its key. */
export function findReferenceFaults(evidence: StoredEvidence): RunVerificationFailure[] {
  return [
    ...findEdgeFaults(evidence),
    ...findKeyRecordFaults(evidence),
    ...findHistoryFaults(evidence),
    ...findWaveItemFaults(evidence),
  ];
}

function* findEdgeFaults({ run, edges, waveItem }: StoredEvidence): Generator<RunVerificationFailure> {
  const owed = new Map([["CORRELATION_TO_RUN", run.correlation_id]]);
  if (run.idempotency_key !== null) owed.set("IDEMPOTENCY_TO_RUN", run.idempotency_key);
  if (waveItem !== undefined) owed.set("WAVE_TO_RUN", waveItem.wave_id);
  for (const edge of edges) {
    const reason = faultOfEdge(run, edge, owed.get(edge.edge_type));
    if (edge.source_entity_id === owed.get(edge.edge_type)) owed.delete(edge.edge_type);
    if (reason !== undefined) yield { kind: "lineage_edge", id: edgeId(edge), reason };
  }
  for (const [edgeType, source] of owed) {
    const id = edgeId({
      edge_type: edgeType,
      source_entity_id: source,
      target_entity_id: run.rebalance_run_id,
    });
    yield { kind: "lineage_edge", id, reason: "is missing" };
  }
}

function edgeId(edge: Pick<VerifiedEdge, "edge_type" | "source_entity_id" | "target_entity_id">): string {
  return `${edge.edge_type} ${edge.source_entity_id} ${edge.target_entity_id}`;
}

function faultOfEdge(run: VerifiedRun, edge: VerifiedEdge, source: string | undefined): string | undefined {
  if (edge.source_entity_id !== source) return "the run has no such edge";
  if (edge.created_at !== run.created_at) return "was not made together with the run";
  return edge.metadata["request_hash"] === run.request_hash ? undefined : "names another request_hash";
}

function* findKeyRecordFaults({ run, keyRecord }: StoredEvidence): Generator<RunVerificationFailure> {
  if (run.idempotency_key === null) return;
  const reason = faultOfKeyRecord(run, keyRecord);
  if (reason !== undefined) yield { kind: "idempotency_record", id: run.idempotency_key, reason };
}

function faultOfKeyRecord(run: VerifiedRun, record: VerifiedKeyRecord | undefined): string | undefined {
  if (record === undefined) return "is missing";
  if (record.response_status !== 200) return "does not hold the answer of a run";
  if (record.rebalance_run_id === run.rebalance_run_id) {
    return record.payload_hash === run.request_hash ? undefined : "is of another request_hash than its run";
  }
  // A key that is not replayed maps to the newest of its runs.
  return record.is_later_run_of_key ? undefined : "points to a run that its key did not lead to later";
}

/** A run of a wave: its item says the same, and so does the record by which the item has no other run. */
function* findWaveItemFaults({ run, waveItem }: StoredEvidence): Generator<RunVerificationFailure> {
  if (waveItem === undefined) return;
  const id = `${waveItem.wave_id} ${waveItem.item_key}`;
  const reason = differing("the run", {
    run_status: waveItem.run_status === run.status,
    result_hash: waveItem.result_hash === run.result_hash,
    correlation_id: run.correlation_id === `${waveItem.wave_correlation_id}:${waveItem.item_key}`,
  });
  if (reason !== undefined) yield { kind: "wave_item", id, reason };
  const recordFault = faultOfItemRecord(run, waveItem);
  if (recordFault !== undefined)
    yield { kind: "idempotency_record", id: waveItem.item_key, reason: recordFault };
}

function faultOfItemRecord(run: VerifiedRun, item: VerifiedWaveItem): string | undefined {
  if (item.record_payload_hash === null) return "is missing";
  if (item.record_run_id !== run.rebalance_run_id) return "points to another run";
  return item.record_payload_hash === run.request_hash
    ? undefined
    : "is of another request_hash than its run";
}

function* findHistoryFaults({ run, history }: StoredEvidence): Generator<RunVerificationFailure> {
  for (const item of history) {
    const reason = faultOfHistoryItem(run, item);
    if (reason !== undefined) yield { kind: "idempotency_history", id: item.idempotency_key, reason };
  }
  const isThere = history.some((item) => item.idempotency_key === run.idempotency_key);
  if (run.idempotency_key !== null && !isThere) {
    yield { kind: "idempotency_history", id: run.idempotency_key, reason: "is missing" };
  }
}

function faultOfHistoryItem(run: VerifiedRun, item: VerifiedHistoryItem): string | undefined {
  return differing("the run", {
    idempotency_key: item.idempotency_key === run.idempotency_key,
    correlation_id: item.correlation_id === run.correlation_id,
    request_hash: item.request_hash === run.request_hash,
    created_at: item.created_at === run.created_at,
  });
}

/** Names the fields of a record that are not what another one says. */
export function differing(other: string, agrees: Readonly<Record<string, boolean>>): string | undefined {
  const wrong = Object.keys(agrees).filter((name) => agrees[name] === false);
  return wrong.length === 0 ? undefined : `not what ${other} says: ${wrong.join(", ")}`;
}
