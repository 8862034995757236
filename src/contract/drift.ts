import * as z from "zod";
import { DecimalText } from "./scalars.ts";

/** Drift is weight minus model weight; improvement is how much of its size the proposal takes away. */
export const DriftBucketDetail = z
  .strictObject({
    bucket: z.string(),
    model_weight: DecimalText,
    portfolio_weight_before: DecimalText,
    portfolio_weight_after: DecimalText,
    drift_before: DecimalText,
    drift_after: DecimalText,
    abs_drift_before: DecimalText,
    abs_drift_after: DecimalText,
    improvement: DecimalText,
  })
  .meta({
    id: "DriftBucketDetail",
    description: "The drift of one asset class or instrument: its share minus the model's.",
  });
export type DriftBucketDetail = z.output<typeof DriftBucketDetail>;

export const DriftDimensionAnalysis = z
  .strictObject({
    drift_total_before: DecimalText,
    drift_total_after: DecimalText,
    drift_total_delta: DecimalText,
    top_contributors_before: z.array(DriftBucketDetail),
    buckets: z.array(DriftBucketDetail),
  })
  .meta({ id: "DriftDimensionAnalysis", description: "The drift of all buckets of one kind." });
export type DriftDimensionAnalysis = z.output<typeof DriftDimensionAnalysis>;

export const DriftHighlightEntry = z
  .strictObject({ bucket: z.string(), improvement: DecimalText })
  .meta({ id: "DriftHighlightEntry", description: "A bucket whose drift changes much." });
export type DriftHighlightEntry = z.output<typeof DriftHighlightEntry>;

export const DriftUnmodeledExposure = z
  .strictObject({
    bucket: z.string(),
    portfolio_weight_before: DecimalText,
    portfolio_weight_after: DecimalText,
    max_portfolio_weight: DecimalText,
  })
  .meta({ id: "DriftUnmodeledExposure", description: "Something that is held and not in the model." });
export type DriftUnmodeledExposure = z.output<typeof DriftUnmodeledExposure>;

export const DriftHighlights = z
  .strictObject({
    largest_improvements: z.array(DriftHighlightEntry),
    largest_deteriorations: z.array(DriftHighlightEntry),
    unmodeled_exposures: z.array(DriftUnmodeledExposure),
  })
  .meta({ id: "DriftHighlights", description: "What stands out of the drift." });
export type DriftHighlights = z.output<typeof DriftHighlights>;

export const DriftReferenceModelSummary = z
  .strictObject({ model_id: z.string(), as_of: z.string(), base_currency: z.string() })
  .meta({ id: "DriftReferenceModelSummary", description: "The model that drift was measured against." });
export type DriftReferenceModelSummary = z.output<typeof DriftReferenceModelSummary>;

export const DriftAnalysis = z
  .strictObject({
    reference_model: DriftReferenceModelSummary,
    asset_class: DriftDimensionAnalysis,
    instrument: DriftDimensionAnalysis.nullable(),
    highlights: DriftHighlights,
  })
  .meta({
    id: "DriftAnalysis",
    description: "How far the portfolio is from the reference model, before and after.",
  });
export type DriftAnalysis = z.output<typeof DriftAnalysis>;
