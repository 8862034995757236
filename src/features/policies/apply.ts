import type { EngineOptions } from "../../contract/options.ts";
import type { DpmPolicyPackUpsertRequest } from "./schemas.ts";

/**
 * The options in force: those of the request, overridden by what the pack says. Null in the pack means "leave"; the
 * group caps of the pack replace those of the request whole, unless it has none.
 */
export function applyPolicyPack(options: EngineOptions, pack: DpmPolicyPackUpsertRequest): EngineOptions {
  const { turnover_policy, tax_policy, settlement_policy, constraint_policy, workflow_policy } = pack;
  const hasGroupCaps = Object.keys(constraint_policy.group_constraints).length > 0;
  return {
    ...options,
    max_turnover_pct: turnover_policy.max_turnover_pct ?? options.max_turnover_pct,
    enable_tax_awareness: tax_policy.enable_tax_awareness ?? options.enable_tax_awareness,
    max_realized_capital_gains: tax_policy.max_realized_capital_gains ?? options.max_realized_capital_gains,
    enable_settlement_awareness:
      settlement_policy.enable_settlement_awareness ?? options.enable_settlement_awareness,
    settlement_horizon_days: settlement_policy.settlement_horizon_days ?? options.settlement_horizon_days,
    single_position_max_weight:
      constraint_policy.single_position_max_weight ?? options.single_position_max_weight,
    group_constraints: hasGroupCaps ? constraint_policy.group_constraints : options.group_constraints,
    enable_workflow_gates: workflow_policy.enable_workflow_gates ?? options.enable_workflow_gates,
    workflow_requires_client_consent:
      workflow_policy.workflow_requires_client_consent ?? options.workflow_requires_client_consent,
    client_consent_already_obtained:
      workflow_policy.client_consent_already_obtained ?? options.client_consent_already_obtained,
  };
}

/** Whether simulate replays a known key: the pack's word, else that of the deployment. */
export function replaysKeys(pack: DpmPolicyPackUpsertRequest | undefined, isReplayEnabled: boolean): boolean {
  return pack?.idempotency_policy.replay_enabled ?? isReplayEnabled;
}
