import { createInFlight, type InFlight } from "../../platform/leases/in-flight.ts";
import { attempt, releaseOperation, type AttemptDeps, type AttemptEnd } from "./attempt-operation.ts";
import type { ClaimedOperation } from "./repository/leases.ts";

/** The operations that this process is at work on: claimed by its worker, or by a request to execute one. */
export type InFlightAttempts = InFlight<ClaimedOperation, AttemptEnd>;

export function createInFlightAttempts(deps: AttemptDeps): InFlightAttempts {
  return createInFlight({
    attempt: (claimed) => attempt(deps, claimed),
    release: (claimed) => releaseOperation(deps, claimed),
    onReleaseError: deps.hooks.onLeaseError,
  });
}
