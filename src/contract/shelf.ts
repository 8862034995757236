import * as z from "zod";
import { emptyMap } from "./maps.ts";
import { Money } from "./money.ts";
import { decimalAboveZero, identifier, identifierOrEmpty, integerWithin, text } from "./scalars.ts";
import { listOf, mapOf, wireObject } from "./wire.ts";

const MOST_SHELF_ENTRIES = 5_000;

export const ShelfStatus = z.enum(["APPROVED", "RESTRICTED", "BANNED", "SUSPENDED", "SELL_ONLY"]).meta({
  id: "ShelfStatus",
  description:
    "APPROVED: may be traded. RESTRICTED: bought only with `allow_restricted`. SELL_ONLY: only sold. BANNED and SUSPENDED: not traded.",
});
export type ShelfStatus = z.output<typeof ShelfStatus>;

export const LiquidityTier = z
  .enum(["L1", "L2", "L3", "L4", "L5"])
  .meta({ id: "LiquidityTier", description: "How easily an instrument is sold: L1 is the most liquid." });
export type LiquidityTier = z.output<typeof LiquidityTier>;

/** What the bank offers of an instrument, and under which terms. */
export const ShelfEntry = wireObject({
  instrument_id: identifier,
  status: ShelfStatus,
  asset_class: text.default("UNKNOWN"),
  issuer_id: identifierOrEmpty.nullable().default(null),
  liquidity_tier: LiquidityTier.nullable().default(null),
  settlement_days: integerWithin(0, 10).default(2),
  min_notional: Money.nullable().default(null),
  // Absent is absent: what was stored before there were these fields has the hash that it had.
  quantity_step: decimalAboveZero(
    "units of which a trade is a whole multiple, 1 if absent; rules version 2",
  ).optional(),
  min_quantity: decimalAboveZero("units that a trade has at least; rules version 2").nullable().optional(),
  attributes: mapOf(text).default(() => emptyMap<string>()),
}).meta({ id: "ShelfEntry", description: "What the bank offers of an instrument, and under which terms." });
export type ShelfEntry = z.output<typeof ShelfEntry>;

export const ShelfEntries = listOf(ShelfEntry, MOST_SHELF_ENTRIES);
