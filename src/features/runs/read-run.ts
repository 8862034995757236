import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import {
  findKeyMapping,
  findRun,
  listKeyHistory,
  type RunKeyMapping,
  type RunKey,
  type StoredRun,
} from "./repository.ts";
import type { DpmRunIdempotencyHistoryItem } from "./schemas.ts";

// What is read here decides what a caller does next, so it shows every write that was answered: it is the primary's.

/** The run that a key names. */
export function readRun(
  database: Database,
  tenantId: string,
  key: RunKey,
  withArtifact = false,
): Promise<StoredRun | undefined> {
  return inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    findRun(tx, tenantId, key, withArtifact),
  );
}

/** The run that a key of simulate maps to. */
export function readKeyMapping(
  database: Database,
  tenantId: string,
  key: string,
): Promise<RunKeyMapping | undefined> {
  return inTransaction(database, { tenantId, readOnly: true }, (tx) => findKeyMapping(tx, tenantId, key));
}

/** The runs that a key led to, oldest first. */
export function readKeyHistory(
  database: Database,
  tenantId: string,
  key: string,
): Promise<readonly DpmRunIdempotencyHistoryItem[]> {
  return inTransaction(database, { tenantId, readOnly: true }, (tx) => listKeyHistory(tx, tenantId, key));
}
