import type { ModelTarget } from "../../contract/model.ts";
import type { UniverseData } from "../../contract/rebalance.ts";
import type { ShelfEntry } from "../../contract/shelf.ts";
import { isZero, ZERO, type Decimal } from "../../decimal/decimal.ts";
import type { DataQualityLog } from "../diagnostics.ts";
import type { Lookups } from "../lookups.ts";
import { weightOf, type Valuation, type ValuedPosition } from "../valuation.ts";

/** What a run may trade, and the initial weight of each instrument. */
export type Universe = {
  /**
   * Instrument → weight, in the order of discovery. An instrument that is not buyable is locked at its weight.
   */
  readonly eligible: ReadonlyMap<string, Decimal>;
  readonly buyable: ReadonlySet<string>;
  /** Held, and not to be traded. */
  readonly locked: ReadonlySet<string>;
  /** Model weight of SELL_ONLY targets, to be redistributed to the buyable ones. */
  readonly sellOnlyExcess: Decimal;
  readonly eligibleForBuy: readonly string[];
  readonly eligibleForSell: readonly string[];
  readonly excluded: UniverseData["excluded"];
};

type Draft = {
  readonly eligible: Map<string, Decimal>;
  sellOnlyExcess: Decimal;
  readonly buys: string[];
  readonly sells: string[];
  readonly locked: Set<string>;
  readonly excluded: UniverseData["excluded"];
};

/** Classifies model targets and holdings by shelf status. Targets without a shelf entry are logged. */
export function buildUniverse(
  targets: readonly ModelTarget[],
  before: Valuation,
  lookups: Lookups,
  allowRestricted: boolean,
  log: DataQualityLog,
): Universe {
  const draft: Draft = {
    eligible: new Map(),
    sellOnlyExcess: ZERO,
    buys: [],
    sells: [],
    locked: new Set(),
    excluded: [],
  };
  for (const target of targets) {
    const shelf = lookups.shelf.get(target.instrument_id);
    if (shelf === undefined) log.shelf_missing.push(target.instrument_id);
    else admitTarget(draft, target, shelf.status, allowRestricted, lookups);
  }
  admitHoldings(draft, before, lookups);
  return {
    eligible: draft.eligible,
    buyable: new Set(draft.buys),
    locked: draft.locked,
    sellOnlyExcess: draft.sellOnlyExcess,
    eligibleForBuy: draft.buys,
    eligibleForSell: draft.sells,
    excluded: draft.excluded,
  };
}

function admitTarget(
  draft: Draft,
  { instrument_id, weight }: ModelTarget,
  status: ShelfEntry["status"],
  allowRestricted: boolean,
  { arithmetic }: Lookups,
): void {
  const admitted = status === "APPROVED" || (status === "RESTRICTED" && allowRestricted);
  if (!admitted) exclude(draft, instrument_id, `SHELF_STATUS_${status}`);
  if (status === "SELL_ONLY") {
    draft.sellOnlyExcess = arithmetic.add(draft.sellOnlyExcess, weight);
    draft.eligible.set(instrument_id, ZERO);
    draft.sells.push(instrument_id);
  }
  if (admitted) {
    draft.eligible.set(instrument_id, weight);
    draft.buys.push(instrument_id);
    draft.sells.push(instrument_id);
  }
}

/** Holdings outside the model are sold to zero, or locked where the shelf status forbids trading them. */
function admitHoldings(draft: Draft, before: Valuation, lookups: Lookups): void {
  // A lock keeps the instrument's first row, the one that would be traded, even if that row is empty.
  const emptyFirstRows = new Map<string, ValuedPosition>();
  for (const position of before.positions) {
    const { instrumentId, quantity } = position;
    if (draft.eligible.has(instrumentId)) continue;
    if (isZero(quantity)) {
      if (!emptyFirstRows.has(instrumentId)) emptyFirstRows.set(instrumentId, position);
      continue;
    }
    const status = lookups.shelf.get(instrumentId)?.status ?? "MISSING_SHELF";
    if (status === "APPROVED" || status === "SELL_ONLY") {
      draft.eligible.set(instrumentId, ZERO);
      draft.sells.push(instrumentId);
    } else {
      draft.eligible.set(instrumentId, weightOf(emptyFirstRows.get(instrumentId) ?? position, before));
      draft.locked.add(instrumentId);
      exclude(draft, instrumentId, `LOCKED_DUE_TO_${status}`);
    }
  }
}

function exclude(draft: Draft, instrument_id: string, reason_code: string): void {
  draft.excluded.push({ details: null, instrument_id, reason_code });
}
