import * as z from "zod";
import type { Decimal } from "../../../decimal/decimal.ts";
import { allocationOf, MOST_ASSET_CLASSES, MOST_INSTRUMENTS } from "./allocation.ts";
import { checksOf } from "./checks.ts";
import { missingDataOf } from "./missing-data.ts";
import type { Disclosures, Report, ReportContent, Suitability } from "./report.ts";
import {
  readStoredPart,
  StoredDecimal,
  StoredDiagnostics,
  StoredGate,
  StoredIntents,
  StoredRule,
  StoredState,
} from "./stored.ts";
import { costsOf, tradesOf } from "./trades.ts";

const Drift = z.object({
  asset_class: z.object({
    drift_total_before: StoredDecimal,
    drift_total_after: StoredDecimal,
  }),
});

const Findings = z.object({
  status: z.string(),
  new_issues: z.int(),
  persistent_issues: z.int(),
  resolved_issues: z.int(),
  issues: z.array(
    z.object({
      issue_id: z.string(),
      dimension: z.string(),
      severity: z.string(),
      status_change: z.string(),
      summary: z.string(),
      details: z.record(z.string(), z.string()),
    }),
  ),
});

const Note = z.object({ notes: z.string() });

const Assumptions = z.object({
  pricing: z.object({
    market_data_snapshot_id: z.string(),
    prices_as_of: z.string(),
    fx_as_of: z.string(),
    valuation_mode: z.string(),
  }),
  costs_and_fees: Note,
  tax: Note,
  execution: Note,
});

const StoredDisclosures = z.object({
  risk_disclaimer: z.string(),
  product_docs: z.array(z.object({ instrument_id: z.string(), doc_ref: z.string() })),
});

const ReferenceModel = z.object({
  model_id: z.string(),
  as_of: z.string(),
  asset_class_targets: z.array(z.object({ asset_class: z.string(), weight: StoredDecimal })),
  instrument_targets: z.array(z.object({ instrument_id: z.string(), weight: StoredDecimal })),
});
type ReferenceModel = z.output<typeof ReferenceModel>;

const StoredProposalArtifact = z.object({
  status: z.string(),
  gate_decision: StoredGate,
  portfolio_impact: z.object({ before: StoredState, after: StoredState }),
  suitability_summary: Findings,
  assumptions_and_limits: Assumptions,
  disclosures: StoredDisclosures,
  evidence_bundle: z.object({
    inputs: z.object({
      portfolio_snapshot: z.object({ base_currency: z.string() }),
      reference_model: ReferenceModel.nullable(),
    }),
    engine_outputs: z.object({
      proposal_result: z.object({
        intents: StoredIntents,
        rule_results: z.array(StoredRule),
        diagnostics: StoredDiagnostics,
        drift_analysis: Drift.nullable(),
        lineage: z.object({ rules_version: z.string() }),
      }),
    }),
  }),
});
type StoredProposalArtifact = z.output<typeof StoredProposalArtifact>;

/** What is told of a proposal beside its artifact. */
export type ProposalFacts = Omit<Report, "kind" | "content">;

/** The report of a version, from its artifact and what happened to its proposal. Pure. */
export function proposalReport(artifactText: string, facts: ProposalFacts): Report {
  const artifact = readStoredPart(StoredProposalArtifact, artifactText);
  return { kind: "proposal", ...facts, content: artifact === undefined ? null : contentOf(artifact) };
}

function contentOf(artifact: StoredProposalArtifact): ReportContent {
  const { portfolio_impact, suitability_summary, evidence_bundle } = artifact;
  const { before, after } = portfolio_impact;
  const { inputs, engine_outputs } = evidence_bundle;
  const { intents, rule_results, diagnostics, drift_analysis, lineage } = engine_outputs.proposal_result;
  const model = inputs.reference_model;
  const trades = tradesOf(intents, diagnostics);
  return {
    status: artifact.status,
    baseCurrency: inputs.portfolio_snapshot.base_currency,
    gate: artifact.gate_decision,
    totals: { before: before.total_value, after: after.total_value },
    model: model === null ? null : { name: model.model_id, asOf: model.as_of },
    drift:
      drift_analysis === null
        ? null
        : {
            before: drift_analysis.asset_class.drift_total_before,
            after: drift_analysis.asset_class.drift_total_after,
          },
    assetClasses: allocationOf(
      {
        before: before.allocation_by_asset_class,
        after: after.allocation_by_asset_class,
        model: assetClassModel(model),
      },
      MOST_ASSET_CLASSES,
    ),
    instruments: allocationOf(
      {
        before: before.allocation_by_instrument,
        after: after.allocation_by_instrument,
        model: instrumentModel(model),
      },
      MOST_INSTRUMENTS,
    ),
    trades,
    costs: costsOf(trades.securities, before.total_value, { turnoverLimit: null, tax: null }),
    suitability: suitabilityOf(suitability_summary),
    checks: checksOf(rule_results),
    warnings: diagnostics.warnings,
    missingData: missingDataOf(diagnostics),
    disclosures: disclosuresOf(artifact),
    rulesVersion: lineage.rules_version,
  };
}

/** As the engine reads it: the last weight of a repeated target counts. */
function assetClassModel(model: ReferenceModel | null): Map<string, Decimal> {
  return new Map(model?.asset_class_targets.map(({ asset_class, weight }) => [asset_class, weight]));
}

function instrumentModel(model: ReferenceModel | null): Map<string, Decimal> {
  return new Map(model?.instrument_targets.map(({ instrument_id, weight }) => [instrument_id, weight]));
}

function suitabilityOf(stored: z.output<typeof Findings>): Suitability {
  return {
    isAvailable: stored.status === "AVAILABLE",
    counts: {
      new: stored.new_issues,
      persistent: stored.persistent_issues,
      resolved: stored.resolved_issues,
    },
    findings: stored.issues.map(({ issue_id: id, status_change: change, ...finding }) => ({
      id,
      change,
      ...finding,
    })),
  };
}

function disclosuresOf({ assumptions_and_limits, disclosures }: StoredProposalArtifact): Disclosures {
  const { pricing, costs_and_fees, tax, execution } = assumptions_and_limits;
  return {
    marketData: pricing.market_data_snapshot_id,
    pricesAsOf: pricing.prices_as_of,
    ratesAsOf: pricing.fx_as_of,
    valuationMode: pricing.valuation_mode,
    statements: [disclosures.risk_disclaimer, costs_and_fees.notes, tax.notes, execution.notes],
    documents: disclosures.product_docs.map(({ instrument_id, doc_ref }) => ({
      instrumentId: instrument_id,
      reference: doc_ref,
    })),
  };
}
