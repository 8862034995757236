import * as z from "zod";
import { GateDecision } from "./gate.ts";
import { Side } from "./intents.ts";
import { MoneyText } from "./money.ts";
import { Severity } from "./options.ts";
import { RunStatus } from "./rules.ts";
import { Hash, Timestamp } from "./scalars.ts";
import { SuitabilityIssue } from "./suitability.ts";

const CodeAndText = z.strictObject({ code: z.string(), text: z.string() });

const freeObject = z.record(z.string(), z.unknown());

const ProposalArtifactTakeaway = z
  .strictObject({ code: z.string(), value: z.string() })
  .meta({ id: "ProposalArtifactTakeaway" });

export const ProposalArtifactSummary = z
  .strictObject({
    title: z.string(),
    objective_tags: z.array(z.string()),
    advisor_notes: z.array(CodeAndText.meta({ id: "ProposalArtifactSummaryNote" })),
    recommended_next_step: z.enum([
      "CLIENT_CONSENT",
      "RISK_REVIEW",
      "COMPLIANCE_REVIEW",
      "EXECUTION_READY",
      "NONE",
    ]),
    key_takeaways: z.array(ProposalArtifactTakeaway),
  })
  .meta({ id: "ProposalArtifactSummary" });
export type ProposalArtifactSummary = z.output<typeof ProposalArtifactSummary>;

export const ProposalArtifactPortfolioState = z
  .strictObject({
    total_value: MoneyText,
    allocation_by_asset_class: z.array(freeObject),
    allocation_by_instrument: z.array(freeObject),
  })
  .meta({ id: "ProposalArtifactPortfolioState" });
export type ProposalArtifactPortfolioState = z.output<typeof ProposalArtifactPortfolioState>;

/** Weights are texts with four decimals; a written delta may be 0.0000. */
export const ProposalArtifactWeightChange = z
  .strictObject({
    bucket_type: z.literal("INSTRUMENT"),
    bucket_id: z.string(),
    weight_before: z.string(),
    weight_after: z.string(),
    delta: z.string(),
  })
  .meta({ id: "ProposalArtifactWeightChange" });
export type ProposalArtifactWeightChange = z.output<typeof ProposalArtifactWeightChange>;

const ProposalArtifactPortfolioDelta = z
  .strictObject({
    total_value_delta: MoneyText,
    largest_weight_changes: z.array(ProposalArtifactWeightChange),
  })
  .meta({ id: "ProposalArtifactPortfolioDelta" });

export const ProposalArtifactPortfolioImpact = z
  .strictObject({
    before: ProposalArtifactPortfolioState,
    after: ProposalArtifactPortfolioState,
    delta: ProposalArtifactPortfolioDelta,
    reconciliation: freeObject.nullable(),
  })
  .meta({ id: "ProposalArtifactPortfolioImpact" });
export type ProposalArtifactPortfolioImpact = z.output<typeof ProposalArtifactPortfolioImpact>;

const ProposalArtifactTradeRationale = z
  .strictObject({ code: z.string(), message: z.string() })
  .meta({ id: "ProposalArtifactTradeRationale" });

export const ProposalArtifactTrade = z
  .strictObject({
    intent_id: z.string(),
    type: z.literal("SECURITY_TRADE"),
    instrument_id: z.string(),
    side: Side,
    quantity: z.string(),
    estimated_notional: MoneyText.nullable(),
    estimated_notional_base: MoneyText.nullable(),
    dependencies: z.array(z.string()),
    rationale: ProposalArtifactTradeRationale,
  })
  .meta({ id: "ProposalArtifactTrade" });
export type ProposalArtifactTrade = z.output<typeof ProposalArtifactTrade>;

export const ProposalArtifactFx = z
  .strictObject({
    intent_id: z.string(),
    pair: z.string(),
    buy_amount: z.string(),
    sell_amount_estimated: z.string(),
    rate: z.string().nullable(),
  })
  .meta({ id: "ProposalArtifactFx" });
export type ProposalArtifactFx = z.output<typeof ProposalArtifactFx>;

export const ProposalArtifactTradesAndFunding = z
  .strictObject({
    trade_list: z.array(ProposalArtifactTrade),
    fx_list: z.array(ProposalArtifactFx),
    ordering_policy: z.string(),
    execution_notes: z.array(CodeAndText.meta({ id: "ProposalArtifactExecutionNote" })),
  })
  .meta({ id: "ProposalArtifactTradesAndFunding" });
export type ProposalArtifactTradesAndFunding = z.output<typeof ProposalArtifactTradesAndFunding>;

const ProposalArtifactSuitabilityHighlight = z
  .strictObject({ code: z.enum(["NEW", "RESOLVED", "PERSISTENT"]), text: z.string() })
  .meta({ id: "ProposalArtifactSuitabilityHighlight" });

export const ProposalArtifactSuitabilitySummary = z
  .strictObject({
    status: z.enum(["AVAILABLE", "NOT_AVAILABLE"]),
    new_issues: z.int(),
    resolved_issues: z.int(),
    persistent_issues: z.int(),
    highest_severity_new: Severity.nullable(),
    highlights: z.array(ProposalArtifactSuitabilityHighlight),
    issues: z.array(SuitabilityIssue),
  })
  .meta({ id: "ProposalArtifactSuitabilitySummary" });
export type ProposalArtifactSuitabilitySummary = z.output<typeof ProposalArtifactSuitabilitySummary>;

const ProposalArtifactPricingAssumptions = z
  .strictObject({
    market_data_snapshot_id: z.string(),
    prices_as_of: z.string(),
    fx_as_of: z.string(),
    valuation_mode: z.string(),
  })
  .meta({ id: "ProposalArtifactPricingAssumptions" });

const ProposalArtifactInclusionFlag = z
  .strictObject({ included: z.boolean(), notes: z.string() })
  .meta({ id: "ProposalArtifactInclusionFlag" });

export const ProposalArtifactAssumptionsAndLimits = z
  .strictObject({
    pricing: ProposalArtifactPricingAssumptions,
    costs_and_fees: ProposalArtifactInclusionFlag,
    tax: ProposalArtifactInclusionFlag,
    execution: ProposalArtifactInclusionFlag,
  })
  .meta({ id: "ProposalArtifactAssumptionsAndLimits" });
export type ProposalArtifactAssumptionsAndLimits = z.output<typeof ProposalArtifactAssumptionsAndLimits>;

const ProposalArtifactProductDoc = z
  .strictObject({ instrument_id: z.string(), doc_ref: z.string() })
  .meta({ id: "ProposalArtifactProductDoc" });

export const ProposalArtifactDisclosures = z
  .strictObject({ risk_disclaimer: z.string(), product_docs: z.array(ProposalArtifactProductDoc) })
  .meta({ id: "ProposalArtifactDisclosures" });
export type ProposalArtifactDisclosures = z.output<typeof ProposalArtifactDisclosures>;

export const ProposalArtifactEvidenceInputs = z
  .strictObject({
    portfolio_snapshot: freeObject,
    market_data_snapshot: freeObject,
    shelf_entries: z.array(freeObject),
    options: freeObject,
    proposed_cash_flows: z.array(freeObject),
    proposed_trades: z.array(freeObject),
    reference_model: freeObject.nullable(),
  })
  .meta({ id: "ProposalArtifactEvidenceInputs" });
export type ProposalArtifactEvidenceInputs = z.output<typeof ProposalArtifactEvidenceInputs>;

export const ProposalArtifactEvidenceBundle = z
  .strictObject({
    inputs: ProposalArtifactEvidenceInputs,
    engine_outputs: z
      .strictObject({ proposal_result: freeObject })
      .meta({ id: "ProposalArtifactEngineOutputs" }),
    hashes: z
      .strictObject({ request_hash: Hash, artifact_hash: Hash })
      .meta({ id: "ProposalArtifactHashes" }),
    engine_version: z.string(),
  })
  .meta({ id: "ProposalArtifactEvidenceBundle" });
export type ProposalArtifactEvidenceBundle = z.output<typeof ProposalArtifactEvidenceBundle>;

/** What an advisor shows and a reviewer signs: a proposal with its impact, its limits and its evidence. */
export const ProposalArtifact = z
  .strictObject({
    artifact_id: z.string(),
    proposal_run_id: z.string(),
    correlation_id: z.string(),
    created_at: Timestamp,
    status: RunStatus,
    gate_decision: GateDecision,
    summary: ProposalArtifactSummary,
    portfolio_impact: ProposalArtifactPortfolioImpact,
    trades_and_funding: ProposalArtifactTradesAndFunding,
    suitability_summary: ProposalArtifactSuitabilitySummary,
    assumptions_and_limits: ProposalArtifactAssumptionsAndLimits,
    disclosures: ProposalArtifactDisclosures,
    evidence_bundle: ProposalArtifactEvidenceBundle,
  })
  .meta({ id: "ProposalArtifact" });
export type ProposalArtifact = z.output<typeof ProposalArtifact>;
