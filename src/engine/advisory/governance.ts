import type { ShelfStatus } from "../../contract/shelf.ts";
import { ZERO, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { exceeds, type Finding } from "./findings.ts";

/** One instrument under the bank's product governance; a weight is undefined where it is not held. */
export type GovernedHolding = {
  readonly instrumentId: string;
  readonly status: ShelfStatus;
  readonly before: Decimal | undefined;
  readonly now: Decimal | undefined;
  readonly buyRequested: boolean;
  readonly allowRestricted: boolean;
};

/**
 * What the bank may not hold must not be there; what it only sells, or sells to few, must not grow. A purchase
 * that is asked for counts as growth even when it was refused, allowed, or changed no weight.
 */
export function governanceFinding(holding: GovernedHolding): Finding | null {
  switch (holding.status) {
    case "BANNED":
    case "SUSPENDED":
      return isHeld(holding) ? heldFinding(holding) : null;
    case "SELL_ONLY":
      return grows(holding) ? increaseFinding(holding, "HIGH", {}) : null;
    case "RESTRICTED":
      return grows(holding) ? restrictedFinding(holding) : null;
    case "APPROVED":
      return null;
  }
}

function isHeld({ now }: GovernedHolding): boolean {
  return now !== undefined && exceeds(now, ZERO);
}

function grows({ before, now, buyRequested }: GovernedHolding): boolean {
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
    summary: `${instrumentId} is bought or grows although its shelf status is ${status}.`,
  };
}

function governanceKey(instrumentId: string, status: ShelfStatus): string {
  return `GOVERNANCE|${instrumentId}|${status}`;
}
