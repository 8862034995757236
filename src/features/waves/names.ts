import type { ProblemDetails } from "../../platform/http/problem.ts";
import { ANSWER_IN_RECORD, type IdempotencyScope } from "../../platform/idempotency/repository.ts";
import type { WaveAction, WaveRefusal } from "./core/states.ts";

function scope(name: string): IdempotencyScope {
  return { name, inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT", storedAnswer: ANSWER_IN_RECORD };
}

export const CREATE_SCOPE = scope("waves.create");
export const ADD_SCOPE = scope("waves.portfolios");
export const ACTION_SCOPES: Readonly<Record<WaveAction, IdempotencyScope>> = {
  start: scope("waves.start"),
  pause: scope("waves.pause"),
  resume: scope("waves.resume"),
  cancel: scope("waves.cancel"),
  "retry-failed": scope("waves.retry-failed"),
};

export const WAVE_NOT_FOUND: ProblemDetails = { status: 404, detail: "WAVE_NOT_FOUND" };

export function refused(code: WaveRefusal): ProblemDetails {
  return { status: 409, detail: code };
}
