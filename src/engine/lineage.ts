import type { LineageData } from "../contract/lineage-data.ts";
import type { RulesVersion } from "../contract/options.ts";
import type { MarketDataSnapshot } from "../contract/market-data.ts";
import type { PortfolioSnapshot } from "../contract/portfolio.ts";

/**
 * Identifies a run. The caller supplies it, because the engine is pure: it creates no ids and reads no clock.
 */
export type RunIdentity = {
  readonly runId: string;
  readonly correlationId: string;
  readonly requestHash: string;
  readonly idempotencyKey: string | null;
  readonly engineVersion: string;
  /** The rules version where the options name none. */
  readonly defaultRulesVersion: RulesVersion;
};

/** Market data without an id of its own. */
const UNNAMED_MARKET_DATA = "md";

export function portfolioSnapshotId({ snapshot_id, portfolio_id }: PortfolioSnapshot): string {
  return snapshot_id ?? portfolio_id;
}

export function marketDataSnapshotId({ snapshot_id }: MarketDataSnapshot): string {
  return snapshot_id ?? UNNAMED_MARKET_DATA;
}

export function lineageOf(
  portfolio: PortfolioSnapshot,
  marketData: MarketDataSnapshot,
  identity: RunIdentity,
  rulesVersion: RulesVersion,
): LineageData {
  return {
    engine_version: identity.engineVersion,
    idempotency_key: identity.idempotencyKey,
    market_data_snapshot_id: marketDataSnapshotId(marketData),
    portfolio_snapshot_id: portfolioSnapshotId(portfolio),
    request_hash: identity.requestHash,
    rules_version: rulesVersion,
  };
}
