import type { ShelfStatus } from "../../contract/shelf.ts";
import { ZERO, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { exceeds, type Finding } from "./findings.ts";

/** One instrument as product governance sees it; a weight is undefined where the instrument is not held. */
export type GovernedHolding = {
  readonly instrumentId: string;
  readonly status: ShelfStatus;
  readonly before: Decimal | undefined;
  readonly now: Decimal | undefined;
  readonly buyRequested: boolean;
  readonly allowRestricted: boolean;
};

/**
 * BANNED and SUSPENDED instruments must not be held; SELL_ONLY and RESTRICTED ones must not increase. A
 * requested purchase counts as an increase, whether or not it was allowed or changed the weight.
 */
export function governanceFinding(holding: GovernedHolding): Finding | null {
  switch (holding.status) {
    case "BANNED":
    case "SUSPENDED":
      return isHeld(holding) ? heldFinding(holding) : null;
    case "SELL_ONLY":
      return increases(holding) ? increaseFinding(holding, "HIGH", {}) : null;
    case "RESTRICTED":
      return increases(holding) ? restrictedFinding(holding) : null;
    case "APPROVED":
      return null;
  }
}

function isHeld({ now }: GovernedHolding): boolean {
  return now !== undefined && exceeds(now, ZERO);
}

function increases({ before, now, buyRequested }: GovernedHolding): boolean {
  return buyRequested || exceeds(now ?? ZERO, before ?? ZERO);
}

function restrictedFinding(holding: GovernedHolding): Finding {
  const allowed = holding.allowRestricted;
  return increaseFinding(holding, allowed ? "MEDIUM" : "HIGH", { allow_restricted: String(allowed) });
}

function heldFinding({ instrumentId, status, now }: GovernedHolding): Finding {
  return {
    details: { instrument_id: instrumentId, measured: toText(now ?? ZERO), shelf_status: status },
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
