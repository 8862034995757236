import * as z from "zod";
import { MoneyText } from "./money.ts";
import { DecimalText } from "./scalars.ts";

export const RunStatus = z.enum(["READY", "BLOCKED", "PENDING_REVIEW"]);
export type RunStatus = z.output<typeof RunStatus>;

export const RuleResult = z
  .strictObject({
    rule_id: z.string(),
    severity: z.enum(["HARD", "SOFT", "INFO"]),
    status: z.enum(["PASS", "FAIL"]),
    measured: DecimalText,
    threshold: z.record(z.string(), DecimalText),
    reason_code: z.string(),
    remediation_hint: z.string().nullable(),
  })
  .meta({ id: "RuleResult" });
export type RuleResult = z.output<typeof RuleResult>;

export const Reconciliation = z
  .strictObject({
    before_total_value: MoneyText,
    after_total_value: MoneyText,
    delta: MoneyText,
    tolerance: MoneyText,
    status: z.enum(["OK", "MISMATCH"]),
  })
  .meta({ id: "Reconciliation" });
export type Reconciliation = z.output<typeof Reconciliation>;
