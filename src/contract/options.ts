import * as z from "zod";
import { compare, decimal as decimalOf, isNegative, ONE, type Decimal } from "../decimal/decimal.ts";
import { emptyMap } from "./maps.ts";
import { Money } from "./money.ts";
import { decimal, decimalFromZero, integerWithin, weight } from "./scalars.ts";
import { LiquidityTier } from "./shelf.ts";
import { mapOf, refusal, rule, shownAs, wireObject, type Refusal } from "./wire.ts";

export const ValuationMode = z.enum(["CALCULATED", "TRUST_SNAPSHOT"]).meta({
  id: "ValuationMode",
  description: "CALCULATED: quantity times price. TRUST_SNAPSHOT: `market_value` where a position has one.",
});
export type ValuationMode = z.output<typeof ValuationMode>;

export const TargetMethod = z.enum(["HEURISTIC", "SOLVER"]).meta({
  id: "TargetMethod",
  description:
    "HEURISTIC: limits are applied one after the other. SOLVER: the weights closest to the model within all limits.",
});
export type TargetMethod = z.output<typeof TargetMethod>;

/** Which rules a result is calculated by: docs/rules.md. */
export const RulesVersion = z
  .enum(["1", "2"])
  .meta({ id: "RulesVersion", description: "Which rules a result is calculated by." });
export type RulesVersion = z.output<typeof RulesVersion>;

/** What was stored before there was a choice was calculated by these. */
export const FIRST_RULES_VERSION: RulesVersion = "1";

export const Severity = z
  .enum(["LOW", "MEDIUM", "HIGH"])
  .meta({ id: "Severity", description: "How severe an issue is." });
export type Severity = z.output<typeof Severity>;

export const GroupConstraint = wireObject({ max_weight: weight }).meta({
  id: "GroupConstraint",
  description: "A limit on a group of instruments.",
});
export type GroupConstraint = z.output<typeof GroupConstraint>;

type ByKey<Value> = Readonly<Record<string, Value>>;

const GROUP_KEY = refusal(
  "GROUP_KEY",
  'keys must be "attribute:value", with text on both sides of one colon',
);

function namesOneGroup(key: string): boolean {
  const [attribute, value, ...more] = key.split(":");
  if (attribute === undefined || value === undefined || more.length > 0) return false;
  return attribute.trim() !== "" && value.trim() !== "";
}

function groupKeysAreRight(constraints: ByKey<GroupConstraint>): Refusal | undefined {
  return Object.keys(constraints).every(namesOneGroup) ? undefined : GROUP_KEY;
}

/** What the solver is measured with. */
const MOST_GROUP_CONSTRAINTS = 100;

/** Caps by `attribute:value` of the shelf. */
export const GroupConstraints = mapOf(GroupConstraint, MOST_GROUP_CONSTRAINTS)
  .check(rule(groupKeysAreRight))
  .meta({
    maxProperties: MOST_GROUP_CONSTRAINTS,
    propertyNames: { type: "string", pattern: "^[^:]*[^:\\s][^:]*:[^:]*[^:\\s][^:]*$" },
  });

const OVERDRAFT = refusal("OVERDRAFT", "needs a currency for every key and no negative allowance");

const Overdrafts = mapOf(decimal).check(rule(overdraftsAreRight));
shownAs.set(Overdrafts, mapOf(decimalFromZero).meta({ propertyNames: { type: "string", pattern: "\\S" } }));

function overdraftsAreRight(allowances: ByKey<Decimal>): Refusal | undefined {
  const right = Object.entries(allowances).every(([key, value]) => key.trim() !== "" && !isNegative(value));
  return right ? undefined : OVERDRAFT;
}

const LIQUIDITY_CAPS = refusal(
  "LIQUIDITY_CAPS",
  "needs keys among L1, L2, L3, L4, L5 and weights from 0 to 1",
);

function isTierCap([tier, cap]: [string, Decimal]): boolean {
  return LiquidityTier.safeParse(tier).success && !isNegative(cap) && compare(cap, ONE) <= 0;
}

const LiquidityCaps = mapOf(decimal).check(rule(tierCapsAreRight));
shownAs.set(
  LiquidityCaps,
  mapOf(weight).meta({ propertyNames: { type: "string", enum: LiquidityTier.options } }),
);

function tierCapsAreRight(caps: ByKey<Decimal>): Refusal | undefined {
  return Object.entries(caps).every(isTierCap) ? undefined : LIQUIDITY_CAPS;
}

/** L4 and L5 trade seldom; a given map replaces these whole, and a tier without a cap is not checked. */
function defaultTierCaps(): Record<string, Decimal> {
  return Object.assign(emptyMap<Decimal>(), { L4: decimalOf("0.10"), L5: decimalOf("0.05") });
}

type CashBand = { readonly cash_band_min_weight: Decimal; readonly cash_band_max_weight: Decimal };

const CASH_BAND = refusal("CASH_BAND", "cash_band_min_weight must not be above cash_band_max_weight");

function cashBandIsRight({ cash_band_min_weight, cash_band_max_weight }: CashBand): Refusal | undefined {
  return compare(cash_band_min_weight, cash_band_max_weight) <= 0 ? undefined : CASH_BAND;
}

export const SuitabilityThresholds = wireObject({
  single_position_max_weight: weight.default(decimalOf("0.10")),
  issuer_max_weight: weight.default(decimalOf("0.20")),
  max_weight_by_liquidity_tier: LiquidityCaps.default(defaultTierCaps),
  cash_band_min_weight: weight.default(decimalOf("0.01")),
  cash_band_max_weight: weight.default(decimalOf("0.05")),
  data_quality_issue_severity: Severity.default("MEDIUM"),
})
  .check(rule(cashBandIsRight))
  .meta({ id: "SuitabilityThresholds", description: "The limits of the suitability scanner." });
export type SuitabilityThresholds = z.output<typeof SuitabilityThresholds>;

const FundingMode = z
  .enum(["AUTO_FX"])
  .meta({ id: "FundingMode", description: "AUTO_FX: by FX trades that are made for it." });
const FundingSource = z.enum(["BASE_ONLY", "ANY_CASH"]).meta({
  id: "FundingSource",
  description:
    "BASE_ONLY: the base currency alone. ANY_CASH: the base currency first, then the others in alphabetical order.",
});
const FxGenerationPolicy = z
  .enum(["ONE_FX_PER_CCY"])
  .meta({ id: "FxGenerationPolicy", description: "ONE_FX_PER_CCY: one FX trade for each currency." });

const DAYS = integerWithin(0, 10);
const MONEY_OR_NONE = Money.nullable().default(null);
const ON = z.boolean().default(true);
const OFF = z.boolean().default(false);

/** How one run is calculated. Every field has a default: `{}` is a complete set of options. */
export const EngineOptions = wireObject({
  rules_version: RulesVersion.optional().describe(
    "Rules of the calculation; absent: those of the policy pack, else of the deployment. `lineage.rules_version` of the result says which.",
  ),
  valuation_mode: ValuationMode.default("CALCULATED"),
  target_method: TargetMethod.default("HEURISTIC"),
  compare_target_methods: OFF,
  compare_target_methods_tolerance: decimal.default(decimalOf("0.0001")),
  cash_band_min_weight: decimal.default(decimalOf("0")),
  cash_band_max_weight: decimal.default(decimalOf("1")),
  single_position_max_weight: decimal.nullable().default(null),
  min_trade_notional: MONEY_OR_NONE,
  allow_restricted: OFF,
  suppress_dust_trades: ON,
  dust_trade_threshold: MONEY_OR_NONE,
  fx_buffer_pct: decimal.default(decimalOf("0.01")),
  block_on_missing_prices: ON,
  block_on_missing_fx: ON,
  min_cash_buffer_pct: decimal.default(decimalOf("0")),
  max_turnover_pct: weight.nullable().default(null),
  enable_tax_awareness: OFF,
  max_realized_capital_gains: decimalFromZero.nullable().default(null),
  enable_settlement_awareness: OFF,
  enable_proposal_simulation: OFF,
  enable_workflow_gates: ON,
  workflow_requires_client_consent: OFF,
  client_consent_already_obtained: OFF,
  proposal_apply_cash_flows_first: ON,
  proposal_block_negative_cash: ON,
  link_buy_to_same_currency_sell_dependency: z.boolean().nullable().default(null),
  enable_drift_analytics: ON,
  enable_suitability_scanner: ON,
  suitability_thresholds: SuitabilityThresholds.prefault({}),
  enable_instrument_drift: ON,
  drift_top_contributors_limit: integerWithin(1, 20).default(5),
  drift_unmodeled_exposure_threshold: weight.default(decimalOf("0.01")),
  auto_funding: ON,
  funding_mode: FundingMode.default("AUTO_FX"),
  fx_funding_source_currency: FundingSource.default("ANY_CASH"),
  fx_generation_policy: FxGenerationPolicy.default("ONE_FX_PER_CCY"),
  settlement_horizon_days: DAYS.default(5),
  fx_settlement_days: DAYS.default(2),
  max_overdraft_by_ccy: Overdrafts.default(() => emptyMap<Decimal>()),
  group_constraints: GroupConstraints.default(() => emptyMap<GroupConstraint>()),
}).meta({
  id: "EngineOptions",
  description: "How one run is calculated. Every field has a default: `{}` is a complete set of options.",
});
export type EngineOptions = z.output<typeof EngineOptions>;
