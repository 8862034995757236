import type { UniverseData } from "../../contract/rebalance.ts";
import type { RebalanceStages } from "./stages.ts";

type Coverage = UniverseData["coverage"];

/** 1 for a run that was simulated to the end, 0 for one that was blocked before trading. */
export const wholeOrNothing: RebalanceStages["coverage"] = (_before, _portfolio, _lookups, isSimulated) => {
  const share = isSimulated ? "1" : "0";
  const coverage: Coverage = { fx_coverage_pct: share, price_coverage_pct: share };
  return coverage;
};
