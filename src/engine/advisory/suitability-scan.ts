import type { EngineOptions } from "../../contract/options.ts";
import type { ShelfEntry } from "../../contract/shelf.ts";
import type { Arithmetic } from "../../decimal/arithmetic.ts";
import { compare, decimal, isPositive, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { addWeight, type Exposures, type Weights } from "./exposures.ts";
import { EPSILON, exceeds, percent, type Finding, type Findings } from "./findings.ts";
import { governanceFinding } from "./governance.ts";
import type { GrowthMeasure } from "./stages.ts";

/** A weight above this multiple of its limit is of high severity. */
const HIGH_MULTIPLE = decimal("1.25");

/** The limits and the shelf of a scan; the last shelf entry of a repeated instrument counts. */
export type ScanRules = {
  readonly arithmetic: Arithmetic;
  readonly options: EngineOptions;
  readonly growth: GrowthMeasure;
  readonly shelf: ReadonlyMap<string, ShelfEntry>;
};

/** The exposures without instruments of zero or negative weight, which the scan ignores. */
export function heldExposures(exposures: Exposures): Exposures {
  const held = [...exposures.instruments].filter(([, weight]) => isPositive(weight));
  return { ...exposures, instruments: new Map(held) };
}

/**
 * Every issue of one state. `before` is the state that governance compares with; `requestedBuys` are the
 * instruments of requested purchases, whether or not they were executed.
 */
export function scan(
  rules: ScanRules,
  state: Exposures,
  before: Exposures,
  requestedBuys: ReadonlySet<string>,
): Findings {
  const findings = [
    ...concentration(rules, state.instruments),
    ...dataGaps(rules, state.instruments),
    ...groupLimits(rules, state.instruments),
    ...governance(rules, state, before, requestedBuys),
    ...cashBand(rules, state.cash),
  ];
  return new Map(findings.map((finding) => [finding.issue_key, finding]));
}

function excessSeverity(weight: Decimal, limit: Decimal, { multiply }: Arithmetic): Finding["severity"] {
  return compare(weight, multiply(HIGH_MULTIPLE, limit)) > 0 ? "HIGH" : "MEDIUM";
}

function* concentration({ arithmetic, options }: ScanRules, instruments: Weights): Generator<Finding> {
  const limit = options.suitability_thresholds.single_position_max_weight;
  for (const [id, weight] of instruments) {
    if (!exceeds(weight, limit, arithmetic)) continue;
    yield {
      details: { instrument_id: id, measured: toText(weight), threshold: toText(limit) },
      dimension: "CONCENTRATION",
      issue_id: "SUIT_SINGLE_POSITION_MAX",
      issue_key: `SINGLE_POSITION_MAX|${id}`,
      severity: excessSeverity(weight, limit, arithmetic),
      summary: `${id} is ${percent(weight)} of the portfolio; one position may be ${percent(limit)}.`,
    };
  }
}

function* dataGaps({ options, shelf }: ScanRules, instruments: Weights): Generator<Finding> {
  const severity = options.suitability_thresholds.data_quality_issue_severity;
  for (const id of instruments.keys()) {
    for (const [gap, field, what] of gapsOf(shelf.get(id))) {
      yield {
        details: { instrument_id: id, missing_fields: field },
        dimension: "DATA_QUALITY",
        issue_id: "SUIT_DATA_QUALITY",
        issue_key: `DQ|${gap}|${id}`,
        severity,
        summary: `${id} has no ${what}, so it cannot be judged completely.`,
      };
    }
  }
}

/** An empty issuer id counts as missing. */
function hasIssuer(entry: ShelfEntry): entry is ShelfEntry & { issuer_id: string } {
  return entry.issuer_id !== null && entry.issuer_id !== "";
}

type Gap = readonly [gap: string, field: string, what: string];

function gapsOf(entry: ShelfEntry | undefined): Gap[] {
  if (entry === undefined) return [["MISSING_SHELF", "shelf_entry", "shelf entry"]];
  const gaps: Gap[] = [];
  if (!hasIssuer(entry)) gaps.push(["MISSING_ISSUER", "issuer_id", "issuer"]);
  if (entry.liquidity_tier === null)
    gaps.push(["MISSING_LIQUIDITY_TIER", "liquidity_tier", "liquidity tier"]);
  return gaps;
}

/** Limits on what instruments of one issuer, or of one liquidity tier, weigh together. */
function* groupLimits({ arithmetic, options, shelf }: ScanRules, instruments: Weights): Generator<Finding> {
  const issuers = new Map<string, Decimal>();
  const tiers = new Map<string, Decimal>();
  for (const [id, weight] of instruments) {
    const entry = shelf.get(id);
    if (entry === undefined) continue;
    if (hasIssuer(entry)) addWeight(issuers, entry.issuer_id, weight, arithmetic);
    if (entry.liquidity_tier !== null) addWeight(tiers, entry.liquidity_tier, weight, arithmetic);
  }
  const thresholds = options.suitability_thresholds;
  for (const [issuer, weight] of issuers) {
    if (exceeds(weight, thresholds.issuer_max_weight, arithmetic)) {
      yield issuerFinding(issuer, weight, thresholds.issuer_max_weight, arithmetic);
    }
  }
  for (const [tier, weight] of tiers) {
    const cap = thresholds.max_weight_by_liquidity_tier[tier];
    if (cap !== undefined && exceeds(weight, cap, arithmetic)) {
      yield liquidityFinding(tier, weight, cap, arithmetic);
    }
  }
}

function issuerFinding(issuer: string, weight: Decimal, limit: Decimal, arithmetic: Arithmetic): Finding {
  return {
    details: { issuer_id: issuer, measured: toText(weight), threshold: toText(limit) },
    dimension: "ISSUER",
    issue_id: "SUIT_ISSUER_MAX",
    issue_key: `ISSUER_MAX|${issuer}`,
    severity: excessSeverity(weight, limit, arithmetic),
    summary: `Issuer ${issuer} is ${percent(weight)} of the portfolio; one issuer may be ${percent(limit)}.`,
  };
}

function liquidityFinding(tier: string, weight: Decimal, cap: Decimal, arithmetic: Arithmetic): Finding {
  return {
    details: { liquidity_tier: tier, measured: toText(weight), threshold: toText(cap) },
    dimension: "LIQUIDITY",
    issue_id: "SUIT_LIQUIDITY_MAX",
    issue_key: `LIQUIDITY_MAX|${tier}`,
    severity: excessSeverity(weight, cap, arithmetic),
    summary: `Liquidity tier ${tier} is ${percent(weight)} of the portfolio; it may be ${percent(cap)}.`,
  };
}

function* governance(
  { arithmetic, growth, options, shelf }: ScanRules,
  state: Exposures,
  stateBefore: Exposures,
  requestedBuys: ReadonlySet<string>,
): Generator<Finding> {
  const before = growth.of(stateBefore);
  const now = growth.of(state);
  const { instruments } = state;
  const ids = [...before.keys(), ...now.keys(), ...instruments.keys(), ...requestedBuys];
  for (const instrumentId of new Set(ids)) {
    const entry = shelf.get(instrumentId);
    if (entry === undefined) continue;
    const holding = {
      instrumentId,
      status: entry.status,
      weight: instruments.get(instrumentId),
      before: before.get(instrumentId),
      now: now.get(instrumentId),
      buyRequested: requestedBuys.has(instrumentId),
      allowRestricted: options.allow_restricted,
    };
    const finding = governanceFinding(holding, growth, arithmetic);
    if (finding !== null) yield finding;
  }
}

function* cashBand({ arithmetic, options }: ScanRules, weight: Decimal): Generator<Finding> {
  const { cash_band_min_weight: min, cash_band_max_weight: max } = options.suitability_thresholds;
  const below = compare(weight, arithmetic.subtract(min, EPSILON)) < 0;
  if (!below && !exceeds(weight, max, arithmetic)) return;
  yield {
    details: { measured: toText(weight), threshold_max: toText(max), threshold_min: toText(min) },
    dimension: "CASH",
    issue_id: "SUIT_CASH_BAND",
    issue_key: "CASH_BAND",
    severity: "MEDIUM",
    summary: `Cash is ${percent(weight)} of the portfolio; it should be from ${percent(min)} to ${percent(max)}.`,
  };
}
