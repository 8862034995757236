import type { Tx } from "../../platform/database/transaction.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { CalculationTerms } from "../../platform/threads.ts";
import type { OperationError } from "./core.ts";
import type { ClaimedOperation, OperationRequest } from "./repository/leases.ts";
import type { OperationType } from "./schemas.ts";

/**
 * Whatever its size, what was accepted is calculated in another thread: the heartbeat of its lease goes on beside it. It
 * waits for a thread as long as it has to.
 */
export const ACCEPTED_WORK: CalculationTerms = { cost: Infinity, waits: true };

/** What an operation comes to. `refused` is the request's fault: no other attempt would end differently. */
export type OperationResult =
  | {
      readonly kind: "succeeded";
      readonly result_text: Text;
      readonly proposal_id: string | null;
    }
  | { readonly kind: "refused"; readonly error: OperationError };

/** An operation that is computed and not yet written. */
export type PreparedResult = {
  /** Writes what the operation makes, in the transaction that also finishes it. A refusal must have written nothing. */
  readonly write: (tx: Tx) => Promise<OperationResult>;
  /** Called once what was written is committed. */
  readonly onCommitted?: () => void;
};

/** What a handler is given: the request as it was accepted. */
export type Operation = ClaimedOperation & { readonly request: OperationRequest };

/**
 * Does the computing of one type of operation, outside any transaction, and returns what is to be written. Whatever it
 * throws counts as a failure of the infrastructure, and the operation gets another attempt.
 */
export type OperationHandler = (operation: Operation) => Promise<PreparedResult>;
export type OperationHandlers = Readonly<Record<OperationType, OperationHandler>>;

/** Details of the contract begin with a code; some add a sentence after a colon. */
export function refusedResult(detail: string): OperationResult {
  const [code = detail] = detail.split(":");
  return { kind: "refused", error: { code, message: detail } };
}
