import type { ShelfStatus } from "../../contract/shelf.ts";
import { ROUNDED, type Arithmetic } from "../../decimal/arithmetic.ts";
import { compare, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { exceeds, type Finding } from "./findings.ts";
import type { GrowthMeasure } from "./stages.ts";

/** One instrument as product governance sees it. */
export type GovernedHolding = {
  readonly instrumentId: string;
  readonly status: ShelfStatus;
  /** Undefined where it is not held. */
  readonly weight: Decimal | undefined;
  /** How much of it there is, as the rules measure growth. */
  readonly before: Decimal | undefined;
  readonly now: Decimal | undefined;
  readonly buyRequested: boolean;
  readonly allowRestricted: boolean;
};

/** A holding has grown if its weight has. */
export const growthOfWeight: GrowthMeasure = {
  of: ({ instruments }) => instruments,
  hasGrown: (before, now) => exceeds(now, before, ROUNDED),
};

/** A holding has grown if there is more of it: a weight that rises because something else fell is no growth. */
export const growthOfQuantity: GrowthMeasure = {
  of: ({ quantities }) => quantities,
  hasGrown: (before, now) => compare(now, before) > 0,
};

/**
 * BANNED and SUSPENDED instruments must not be held; SELL_ONLY and RESTRICTED ones must not increase. A
 * requested purchase counts as an increase, whether or not it was allowed or changed the weight.
 */
export function governanceFinding(
  holding: GovernedHolding,
  growth: GrowthMeasure,
  arithmetic: Arithmetic,
): Finding | null {
  switch (holding.status) {
    case "BANNED":
    case "SUSPENDED":
      return isHeld(holding, arithmetic) ? heldFinding(holding) : null;
    case "SELL_ONLY":
      return increases(holding, growth) ? increaseFinding(holding, "HIGH", {}) : null;
    case "RESTRICTED":
      return increases(holding, growth) ? restrictedFinding(holding) : null;
    case "APPROVED":
      return null;
  }
}

function isHeld({ weight }: GovernedHolding, arithmetic: Arithmetic): boolean {
  return weight !== undefined && exceeds(weight, ZERO, arithmetic);
}

function increases({ before, now, buyRequested }: GovernedHolding, { hasGrown }: GrowthMeasure): boolean {
  return buyRequested || hasGrown(before ?? ZERO, now ?? ZERO);
}

function restrictedFinding(holding: GovernedHolding): Finding {
  const allowed = holding.allowRestricted;
  return increaseFinding(holding, allowed ? "MEDIUM" : "HIGH", { allow_restricted: String(allowed) });
}

function heldFinding({ instrumentId, status, weight }: GovernedHolding): Finding {
  return {
    details: { instrument_id: instrumentId, measured: toText(weight ?? ZERO), shelf_status: status },
    dimension: "GOVERNANCE",
    issue_id: `SUIT_GOVERNANCE_${status}`,
    issue_key: governanceKey(instrumentId, status),
    severity: "HIGH",
    summary: `${instrumentId} is held although its shelf status is ${status}.`,
  };
}

function increaseFinding(
  { instrumentId, status, before, now }: GovernedHolding,
  severity: Finding["severity"],
  more: Finding["details"],
): Finding {
  return {
    details: {
      ...more,
      instrument_id: instrumentId,
      measured_after: toText(now ?? ZERO),
      measured_before: toText(before ?? ZERO),
      shelf_status: status,
    },
    dimension: "GOVERNANCE",
    issue_id: `SUIT_GOVERNANCE_${status}_INCREASE`,
    issue_key: governanceKey(instrumentId, status),
    severity,
    summary: `${instrumentId} is bought or increases although its shelf status is ${status}.`,
  };
}

function governanceKey(instrumentId: string, status: ShelfStatus): string {
  return `GOVERNANCE|${instrumentId}|${status}`;
}
