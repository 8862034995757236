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
  .meta({ id: "DriftBucketDetail" });
export type DriftBucketDetail = z.output<typeof DriftBucketDetail>;

export const DriftDimensionAnalysis = z
  .strictObject({
    drift_total_before: DecimalText,
    drift_total_after: DecimalText,
    drift_total_delta: DecimalText,
    top_contributors_before: z.array(DriftBucketDetail),
    buckets: z.array(DriftBucketDetail),
  })
  .meta({ id: "DriftDimensionAnalysis" });
export type DriftDimensionAnalysis = z.output<typeof DriftDimensionAnalysis>;

export const DriftHighlightEntry = z
  .strictObject({ bucket: z.string(), improvement: DecimalText })
  .meta({ id: "DriftHighlightEntry" });
export type DriftHighlightEntry = z.output<typeof DriftHighlightEntry>;

export const DriftUnmodeledExposure = z
  .strictObject({
    bucket: z.string(),
    portfolio_weight_before: DecimalText,
    portfolio_weight_after: DecimalText,
    max_portfolio_weight: DecimalText,
  })
  .meta({ id: "DriftUnmodeledExposure" });
export type DriftUnmodeledExposure = z.output<typeof DriftUnmodeledExposure>;

export const DriftHighlights = z
  .strictObject({
    largest_improvements: z.array(DriftHighlightEntry),
    largest_deteriorations: z.array(DriftHighlightEntry),
    unmodeled_exposures: z.array(DriftUnmodeledExposure),
  })
  .meta({ id: "DriftHighlights" });
export type DriftHighlights = z.output<typeof DriftHighlights>;

export const DriftReferenceModelSummary = z
  .strictObject({ model_id: z.string(), as_of: z.string(), base_currency: z.string() })
  .meta({ id: "DriftReferenceModelSummary" });
export type DriftReferenceModelSummary = z.output<typeof DriftReferenceModelSummary>;

export const DriftAnalysis = z
  .strictObject({
    reference_model: DriftReferenceModelSummary,
    asset_class: DriftDimensionAnalysis,
    instrument: DriftDimensionAnalysis.nullable(),
    highlights: DriftHighlights,
  })
  .meta({ id: "DriftAnalysis" });
export type DriftAnalysis = z.output<typeof DriftAnalysis>;
