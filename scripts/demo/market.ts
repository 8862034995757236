/** A small market that the scenarios share: what a private bank in Zurich or Singapore would recognise. */

type Price = { instrument_id: string; price: string; currency: string };
type ShelfEntry = {
  instrument_id: string;
  status: string;
  asset_class: string;
  issuer_id: string;
  liquidity_tier: string;
  settlement_days: number;
  attributes: Record<string, string>;
};

type Instrument = readonly [
  id: string,
  price: string,
  currency: string,
  assetClass: string,
  sector: string,
  settlementDays: number,
];

const INSTRUMENTS: readonly Instrument[] = [
  ["CH_NESTLE", "92.40", "CHF", "EQUITY", "STAPLES", 2],
  ["CH_NOVARTIS", "98.15", "CHF", "EQUITY", "HEALTH", 2],
  ["US_MSFT", "412.50", "USD", "EQUITY", "TECH", 1],
  ["US_APPLE", "228.10", "USD", "EQUITY", "TECH", 1],
  ["US_TREASURY_10Y", "96.75", "USD", "FIXED_INCOME", "GOVERNMENT", 1],
  ["EU_ASML", "702.00", "EUR", "EQUITY", "TECH", 2],
  ["EU_BUND_2033", "101.20", "EUR", "FIXED_INCOME", "GOVERNMENT", 2],
  ["SG_DBS", "38.60", "SGD", "EQUITY", "FINANCIALS", 2],
  ["GOLD_ETC", "248.30", "USD", "ALTERNATIVE", "METALS", 2],
  ["GLOBAL_BOND_FUND", "134.85", "USD", "FIXED_INCOME", "AGGREGATE", 3],
];

const FX_RATES = [
  { pair: "USD/CHF", rate: "0.8840" },
  { pair: "EUR/CHF", rate: "0.9385" },
  { pair: "EUR/USD", rate: "1.0616" },
  { pair: "SGD/USD", rate: "0.7455" },
];

/** The prices of the named instruments, and all rates. */
export function marketData(ids: readonly string[]) {
  const prices: Price[] = chosen(ids).map(([instrument_id, price, currency]) => ({
    instrument_id,
    price,
    currency,
  }));
  return { snapshot_id: "md_2026-11-20_close", prices, fx_rates: FX_RATES };
}

/** The shelf entries of the named instruments, approved unless `status` says otherwise. */
export function shelf(ids: readonly string[], status: Readonly<Record<string, string>> = {}): ShelfEntry[] {
  return chosen(ids).map(([instrument_id, , , asset_class, sector, settlement_days]) => ({
    instrument_id,
    status: status[instrument_id] ?? "APPROVED",
    asset_class,
    issuer_id: `ISS_${instrument_id}`,
    liquidity_tier: asset_class === "ALTERNATIVE" ? "L3" : "L1",
    settlement_days,
    attributes: { sector },
  }));
}

function chosen(ids: readonly string[]): readonly Instrument[] {
  return INSTRUMENTS.filter(([id]) => ids.includes(id));
}
