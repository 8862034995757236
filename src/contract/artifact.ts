import * as z from "zod";
import { GateDecision } from "./gate.ts";
import { Side } from "./intents.ts";
import { MoneyText } from "./money.ts";
import { MarketDataSnapshot } from "./market-data.ts";
import { EngineOptions, RulesVersion, Severity } from "./options.ts";
import { PortfolioSnapshot } from "./portfolio.ts";
import { ProposalResult, ProposedCashFlow, ProposedTrade, ReferenceModel } from "./proposal.ts";
import { recorded } from "./recorded.ts";
import { Reconciliation, RunStatus } from "./rules.ts";
import { Hash, Timestamp } from "./scalars.ts";
import { ShelfEntry } from "./shelf.ts";
import { AllocationMetric } from "./state.ts";
import { IssueStatusChange, SuitabilityIssue } from "./suitability.ts";

const CodeAndText = z.strictObject({ code: z.string(), text: z.string() });

const ProposalArtifactTakeaway = z
  .strictObject({ code: z.string(), value: z.string() })
  .meta({ id: "ProposalArtifactTakeaway", description: "Something to know of a proposal, in a sentence." });

const ProposalNextStep = z
  .enum(["CLIENT_CONSENT", "RISK_REVIEW", "COMPLIANCE_REVIEW", "EXECUTION_READY", "NONE"])
  .meta({ id: "ProposalNextStep", description: "What to do next about a proposal." });

export const ProposalArtifactSummary = z
  .strictObject({
    title: z.string(),
    objective_tags: z.array(z.string()),
    advisor_notes: z.array(
      CodeAndText.meta({ id: "ProposalArtifactSummaryNote", description: "A note of the advisor." }),
    ),
    recommended_next_step: ProposalNextStep,
    key_takeaways: z.array(ProposalArtifactTakeaway),
  })
  .meta({ id: "ProposalArtifactSummary", description: "The essence of a proposal." });
export type ProposalArtifactSummary = z.output<typeof ProposalArtifactSummary>;

export const ProposalArtifactPortfolioState = z
  .strictObject({
    total_value: MoneyText,
    allocation_by_asset_class: z.array(AllocationMetric),
    allocation_by_instrument: z.array(AllocationMetric),
  })
  .meta({
    id: "ProposalArtifactPortfolioState",
    description: "A portfolio in short, sorted by falling weight.",
  });
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
  .meta({
    id: "ProposalArtifactWeightChange",
    description: "An instrument whose share changes. A written change may be 0.0000.",
  });
export type ProposalArtifactWeightChange = z.output<typeof ProposalArtifactWeightChange>;

const ProposalArtifactPortfolioDelta = z
  .strictObject({
    total_value_delta: MoneyText,
    largest_weight_changes: z.array(ProposalArtifactWeightChange),
  })
  .meta({ id: "ProposalArtifactPortfolioDelta", description: "By how much the portfolio changes." });

export const ProposalArtifactPortfolioImpact = z
  .strictObject({
    before: ProposalArtifactPortfolioState,
    after: ProposalArtifactPortfolioState,
    delta: ProposalArtifactPortfolioDelta,
    reconciliation: Reconciliation.nullable(),
  })
  .meta({
    id: "ProposalArtifactPortfolioImpact",
    description: "The portfolio before and after, and the difference.",
  });
export type ProposalArtifactPortfolioImpact = z.output<typeof ProposalArtifactPortfolioImpact>;

const ProposalArtifactTradeRationale = z
  .strictObject({ code: z.string(), message: z.string() })
  .meta({ id: "ProposalArtifactTradeRationale", description: "Why a trade is there." });

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
  .meta({ id: "ProposalArtifactTrade", description: "A security trade of a proposal." });
export type ProposalArtifactTrade = z.output<typeof ProposalArtifactTrade>;

export const ProposalArtifactFx = z
  .strictObject({
    intent_id: z.string(),
    pair: z.string(),
    buy_amount: z.string(),
    sell_amount_estimated: z.string(),
    rate: z.string().nullable(),
  })
  .meta({ id: "ProposalArtifactFx", description: "An FX trade of a proposal." });
export type ProposalArtifactFx = z.output<typeof ProposalArtifactFx>;

export const ProposalArtifactTradesAndFunding = z
  .strictObject({
    trade_list: z.array(ProposalArtifactTrade),
    fx_list: z.array(ProposalArtifactFx),
    ordering_policy: z.string(),
    execution_notes: z.array(
      CodeAndText.meta({
        id: "ProposalArtifactExecutionNote",
        description: "What to mind when it is executed.",
      }),
    ),
  })
  .meta({ id: "ProposalArtifactTradesAndFunding", description: "What is traded, and how it is paid for." });
export type ProposalArtifactTradesAndFunding = z.output<typeof ProposalArtifactTradesAndFunding>;

const ProposalArtifactSuitabilityHighlight = z
  .strictObject({ code: IssueStatusChange, text: z.string() })
  .meta({ id: "ProposalArtifactSuitabilityHighlight", description: "One of the first issues." });

const SuitabilityAvailability = z
  .enum(["AVAILABLE", "NOT_AVAILABLE"])
  .meta({ id: "SuitabilityAvailability", description: "Whether the suitability scanner ran." });

export const ProposalArtifactSuitabilitySummary = z
  .strictObject({
    status: SuitabilityAvailability,
    new_issues: z.int(),
    resolved_issues: z.int(),
    persistent_issues: z.int(),
    highest_severity_new: Severity.nullable(),
    highlights: z.array(ProposalArtifactSuitabilityHighlight),
    issues: z.array(SuitabilityIssue),
  })
  .meta({ id: "ProposalArtifactSuitabilitySummary", description: "What the suitability scanner found." });
export type ProposalArtifactSuitabilitySummary = z.output<typeof ProposalArtifactSuitabilitySummary>;

const ProposalArtifactPricingAssumptions = z
  .strictObject({
    market_data_snapshot_id: z.string(),
    prices_as_of: z.string(),
    fx_as_of: z.string(),
    valuation_mode: z.string(),
  })
  .meta({ id: "ProposalArtifactPricingAssumptions", description: "Which prices were used, and how." });

const ProposalArtifactInclusionFlag = z.strictObject({ included: z.boolean(), notes: z.string() }).meta({
  id: "ProposalArtifactInclusionFlag",
  description: "Whether something is in the simulation, and what that means.",
});

export const ProposalArtifactAssumptionsAndLimits = z
  .strictObject({
    pricing: ProposalArtifactPricingAssumptions,
    costs_and_fees: ProposalArtifactInclusionFlag,
    tax: ProposalArtifactInclusionFlag,
    execution: ProposalArtifactInclusionFlag,
    rules_version: RulesVersion.optional(),
  })
  .meta({
    id: "ProposalArtifactAssumptionsAndLimits",
    description:
      "What was assumed, and what was not looked at. `rules_version`: the rules of the simulation; absent: version 1.",
  });
export type ProposalArtifactAssumptionsAndLimits = z.output<typeof ProposalArtifactAssumptionsAndLimits>;

const ProposalArtifactProductDoc = z
  .strictObject({ instrument_id: z.string(), doc_ref: z.string() })
  .meta({ id: "ProposalArtifactProductDoc", description: "The document of a traded instrument." });

export const ProposalArtifactDisclosures = z
  .strictObject({ risk_disclaimer: z.string(), product_docs: z.array(ProposalArtifactProductDoc) })
  .meta({ id: "ProposalArtifactDisclosures", description: "What the client has to be told." });
export type ProposalArtifactDisclosures = z.output<typeof ProposalArtifactDisclosures>;

export const ProposalArtifactEvidenceInputs = z
  .strictObject({
    portfolio_snapshot: recorded(PortfolioSnapshot),
    market_data_snapshot: recorded(MarketDataSnapshot),
    shelf_entries: z.array(recorded(ShelfEntry)),
    options: recorded(EngineOptions),
    proposed_cash_flows: z.array(recorded(ProposedCashFlow)),
    proposed_trades: z.array(recorded(ProposedTrade)),
    reference_model: recorded(ReferenceModel).nullable(),
  })
  .meta({
    id: "ProposalArtifactEvidenceInputs",
    description: "The simulated request, member by member, as it was recorded.",
  });
export type ProposalArtifactEvidenceInputs = z.output<typeof ProposalArtifactEvidenceInputs>;

export const ProposalArtifactEvidenceBundle = z
  .strictObject({
    inputs: ProposalArtifactEvidenceInputs,
    engine_outputs: z
      .strictObject({ proposal_result: ProposalResult })
      .meta({ id: "ProposalArtifactEngineOutputs", description: "Everything that came out." }),
    hashes: z.strictObject({ request_hash: Hash, artifact_hash: Hash }).meta({
      id: "ProposalArtifactHashes",
      description: "The hashes of a proposal's request and artifact.",
    }),
    engine_version: z.string(),
  })
  .meta({
    id: "ProposalArtifactEvidenceBundle",
    description: "All inputs and outputs of a proposal with their hashes.",
  });
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
  .meta({
    id: "ProposalArtifact",
    description:
      "What an advisor shows and a reviewer signs: a proposal with its impact, its limits and its evidence.",
  });
export type ProposalArtifact = z.output<typeof ProposalArtifact>;
