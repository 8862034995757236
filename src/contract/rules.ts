import * as z from "zod";
import { MoneyText } from "./money.ts";
import { DecimalText } from "./scalars.ts";

export const RunStatus = z.enum(["READY", "BLOCKED", "PENDING_REVIEW"]).meta({
  id: "RunStatus",
  description:
    "READY: it can go on. PENDING_REVIEW: somebody has to look at it. BLOCKED: it cannot be done as it is.",
});
export type RunStatus = z.output<typeof RunStatus>;

const RuleSeverity = z.enum(["HARD", "SOFT", "INFO"]).meta({
  id: "RuleSeverity",
  description: "HARD: a failure blocks. SOFT: a failure needs a review. INFO: neither.",
});

const RuleStatus = z.enum(["PASS", "FAIL"]).meta({ id: "RuleStatus", description: "Whether a rule holds." });

export const RuleResult = z
  .strictObject({
    rule_id: z.string(),
    severity: RuleSeverity,
    status: RuleStatus,
    measured: DecimalText,
    threshold: z.record(z.string(), DecimalText),
    reason_code: z.string(),
    remediation_hint: z.string().nullable(),
  })
  .meta({ id: "RuleResult", description: "A rule that was checked." });
export type RuleResult = z.output<typeof RuleResult>;

const ReconciliationStatus = z
  .enum(["OK", "MISMATCH"])
  .meta({ id: "ReconciliationStatus", description: "OK: they agree within the tolerance." });

export const Reconciliation = z
  .strictObject({
    before_total_value: MoneyText,
    after_total_value: MoneyText,
    delta: MoneyText,
    tolerance: MoneyText,
    status: ReconciliationStatus,
  })
  .meta({ id: "Reconciliation", description: "Whether the value before and after agree." });
export type Reconciliation = z.output<typeof Reconciliation>;
