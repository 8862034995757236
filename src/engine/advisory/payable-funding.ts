import type { FundingPlanEntry } from "../../contract/diagnostics.ts";
import type { FxSpotIntent } from "../../contract/intents.ts";
import { compare, isPositive, maximum, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { EXACT } from "../../decimal/arithmetic.ts";
import { multiply, subtract } from "../../decimal/exact.ts";
import { toText } from "../../decimal/text.ts";
import { minorUnit, toMinorUnits, upToMinorUnits } from "../currency.ts";
import { warnOnce } from "../diagnostics.ts";
import { fxRate } from "../fx.ts";
import { compareCodePoints } from "../order.ts";
import { applyFx, cashBalance, type SettledFx } from "../working-portfolio.ts";
import { fxIntent, openAccount, pairOf, requiredByCurrency, type Funding } from "./funding.ts";
import type { ProposalRun } from "./proposal-run.ts";
import type { AcceptedTrade } from "./trades.ts";

type FundingState = {
  readonly fxByCurrency: Map<string, FxSpotIntent>;
  readonly unfunded: Set<string>;
  needsReview: boolean;
};

type Shortfall = { readonly currency: string; readonly deficit: Decimal };

/** What looking for the money of one need came to. */
type Search = {
  readonly chosen: SettledFx | null;
  readonly smallestDeficit: Shortfall | null;
  /** The pairs without a rate that this need met. */
  readonly missingPairs: readonly string[];
};

/**
 * Funds purchases that the cash in their own currency does not cover, by one FX trade for each currency from the first
 * balance that has enough. Both sides are rounded up to what can be paid, so no funded balance ends below zero; a need of
 * less than that is none. Why a need cannot be funded is decided by its own missing pairs.
 */
export function fundPayablePurchases(run: ProposalRun, purchases: readonly AcceptedTrade[]): Funding {
  const state: FundingState = { fxByCurrency: new Map(), unfunded: new Set(), needsReview: false };
  for (const [currency, required] of requiredByCurrency(purchases, EXACT)) {
    fundCurrency(run, state, currency, required);
  }
  const { missing_fx_pairs } = run.diagnostics;
  missing_fx_pairs.splice(
    0,
    missing_fx_pairs.length,
    ...[...new Set(missing_fx_pairs)].sort(compareCodePoints),
  );
  return state;
}

function fundCurrency(run: ProposalRun, state: FundingState, currency: string, required: Decimal): void {
  const available = openAccount(run, currency);
  const lacking = maximum(ZERO, subtract(required, available));
  const needed = compare(lacking, minorUnit(currency)) < 0 ? ZERO : upToMinorUnits(lacking, currency);
  const search = isPositive(needed) ? findSource(run, currency, needed) : null;
  run.diagnostics.funding_plan.push(planEntry(currency, required, available, needed, search));
  if (search === null) return;
  if (search.chosen === null) {
    state.unfunded.add(currency);
    recordFailure(run, state, search);
  } else {
    applyFx(run.portfolio, search.chosen);
    state.fxByCurrency.set(currency, fxIntent(search.chosen, state.fxByCurrency.size + 1));
  }
}

function planEntry(
  currency: string,
  required: Decimal,
  available: Decimal,
  needed: Decimal,
  search: Search | null,
): FundingPlanEntry {
  const chosen = search?.chosen ?? null;
  return {
    available_before_fx: toText(toMinorUnits(available, currency)),
    funding_currency: chosen?.sellCurrency ?? null,
    fx_needed: toText(needed),
    fx_pair: chosen === null ? null : pairOf(chosen),
    missing_fx_pairs: [...(search?.missingPairs ?? [])],
    required: toText(toMinorUnits(required, currency)),
    target_currency: currency,
  };
}

/** Tries the balances in turn. The smallest deficit is remembered; without any source it is all that is needed. */
function findSource(run: ProposalRun, currency: string, needed: Decimal): Search {
  let smallestDeficit: Shortfall | null = null;
  const missingPairs: string[] = [];
  for (const source of fundingSources(run, currency)) {
    const rate = fxRate(run.lookups.quotes, currency, source, EXACT);
    if (rate === undefined) {
      missingPairs.push(`${currency}/${source}`);
      continue;
    }
    const sellAmount = upToMinorUnits(multiply(needed, rate), source);
    const deficit = subtract(sellAmount, cashBalance(run.portfolio, source) ?? ZERO);
    if (!isPositive(deficit)) {
      const chosen = { buyCurrency: currency, buyAmount: needed, sellCurrency: source, sellAmount };
      return { chosen, smallestDeficit, missingPairs };
    }
    if (smallestDeficit === null || compare(deficit, smallestDeficit.deficit) < 0) {
      smallestDeficit = { currency: source, deficit };
    }
  }
  return { chosen: null, smallestDeficit: smallestDeficit ?? { currency, deficit: needed }, missingPairs };
}

/** Balances above zero: base currency first, then the others in code point order, unless base alone is allowed. */
function* fundingSources({ options, lookups, portfolio }: ProposalRun, target: string): Generator<string> {
  const base = lookups.baseCurrency;
  const hasBalance = (currency: string) => isPositive(cashBalance(portfolio, currency) ?? ZERO);
  if (base !== target && hasBalance(base)) yield base;
  if (options.fx_funding_source_currency === "BASE_ONLY") return;
  const others = [...portfolio.cashRows.keys()].filter(
    (currency) => currency !== base && currency !== target && hasBalance(currency),
  );
  yield* others.sort(compareCodePoints);
}

/** A pair that is missing for this need takes precedence over a lack of cash as the reason. */
function recordFailure(
  run: ProposalRun,
  state: FundingState,
  { missingPairs, smallestDeficit }: Search,
): void {
  const { diagnostics, hardFailures, options } = run;
  if (missingPairs.length > 0) {
    diagnostics.missing_fx_pairs.push(...missingPairs);
    diagnostics.data_quality.fx_missing.push(...missingPairs);
    if (options.block_on_missing_fx) {
      hardFailures.push("PROPOSAL_MISSING_FX_FOR_FUNDING");
    } else {
      state.needsReview = true;
      warnOnce(diagnostics, "PROPOSAL_MISSING_FX_NON_BLOCKING");
    }
    return;
  }
  if (smallestDeficit !== null) {
    const { currency, deficit } = smallestDeficit;
    diagnostics.insufficient_cash.push({ currency, deficit: toText(upToMinorUnits(deficit, currency)) });
  }
  hardFailures.push("PROPOSAL_INSUFFICIENT_FUNDING_CASH");
}
