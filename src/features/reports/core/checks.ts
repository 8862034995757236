import type { Check } from "./report.ts";
import type { StoredRule } from "./stored.ts";

/** What failed comes first; otherwise in the order of the rules. */
export function checksOf(rules: readonly StoredRule[]): Check[] {
  const checks = rules.map((rule) => ({
    rule: rule.rule_id,
    severity: rule.severity,
    passed: rule.status === "PASS",
    measured: rule.measured,
    limits: { min: rule.threshold["min"] ?? null, max: rule.threshold["max"] ?? null },
    reason: rule.reason_code,
  }));
  return [...checks.filter(({ passed }) => !passed), ...checks.filter(({ passed }) => passed)];
}
