import type { FundingPlanEntry } from "../../contract/diagnostics.ts";
import type { FxSpotIntent } from "../../contract/intents.ts";
import type { Arithmetic } from "../../decimal/arithmetic.ts";
import {
  compare,
  isPositive,
  maximum,
  multiply,
  subtract,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { toMinorUnits } from "../currency.ts";
import { warnOnce } from "../diagnostics.ts";
import { fxRate } from "../fx.ts";
import { compareCodePoints } from "../order.ts";
import { applyFx, cashBalance, addCash, type SettledFx } from "../working-portfolio.ts";
import type { ProposalRun } from "./proposal-run.ts";
import type { AcceptedTrade } from "./trades.ts";

export type Funding = {
  /** FX intents by the currency of the purchases that they fund. */
  readonly fxByCurrency: ReadonlyMap<string, FxSpotIntent>;
  /** Currencies whose purchases could not be funded. */
  readonly unfunded: ReadonlySet<string>;
  /** True when FX was missing for funding and the options tolerate that. */
  readonly needsReview: boolean;
};

type FundingState = {
  readonly fxByCurrency: Map<string, FxSpotIntent>;
  readonly unfunded: Set<string>;
  /** The entries of `missing_fx_pairs` and `fx_missing` as sets, because the lists may be long. */
  readonly missingPairs: Set<string>;
  readonly loggedPairs: Set<string>;
  needsReview: boolean;
};

/** The amount that the purchases in one currency lack, not rounded. */
type Need = { readonly currency: string; readonly amount: Decimal };

type Shortfall = { readonly currency: string; readonly deficit: Decimal };

type Search = { readonly chosen: SettledFx | null; readonly smallestDeficit: Shortfall | null };

/**
 * Funds purchases that the cash in their own currency does not cover, by one FX trade for each currency from the
 * first account that has enough. Each FX trade is applied at once, so the next currency finds the reduced cash.
 */
export function fundPurchases(run: ProposalRun, purchases: readonly AcceptedTrade[]): Funding {
  const { data_quality, missing_fx_pairs } = run.diagnostics;
  const state: FundingState = {
    fxByCurrency: new Map(),
    unfunded: new Set(),
    missingPairs: new Set(missing_fx_pairs),
    loggedPairs: new Set(data_quality.fx_missing),
    needsReview: false,
  };
  for (const [currency, required] of requiredByCurrency(purchases, run.lookups.arithmetic)) {
    fundCurrency(run, state, currency, required);
  }
  return state;
}

/** What the purchases in each currency cost, in code point order. */
export function requiredByCurrency(
  purchases: readonly AcceptedTrade[],
  { add }: Arithmetic,
): [string, Decimal][] {
  const required = new Map<string, Decimal>();
  for (const { currency, notional } of purchases) {
    required.set(currency, add(required.get(currency) ?? ZERO, notional));
  }
  return [...required].sort(([a], [b]) => compareCodePoints(a, b));
}

function fundCurrency(run: ProposalRun, state: FundingState, currency: string, required: Decimal): void {
  const available = openAccount(run, currency);
  const amount = maximum(ZERO, subtract(required, available));
  const search = isPositive(amount) ? findSource(run, state, { currency, amount }) : null;
  const chosen = search?.chosen ?? null;
  run.diagnostics.funding_plan.push(planEntry(currency, required, available, amount, chosen));
  if (chosen !== null) {
    applyFx(run.portfolio, chosen);
    state.fxByCurrency.set(currency, fxIntent(chosen, state.fxByCurrency.size + 1));
  } else if (search !== null) {
    state.unfunded.add(currency);
    recordFailure(run, state, search.smallestDeficit);
  }
}

/** The balance of a currency, after opening an account at zero where there is none. */
export function openAccount({ portfolio }: ProposalRun, currency: string): Decimal {
  const balance = cashBalance(portfolio, currency);
  if (balance === undefined) addCash(portfolio, currency, ZERO);
  return balance ?? ZERO;
}

function planEntry(
  currency: string,
  required: Decimal,
  available: Decimal,
  needed: Decimal,
  chosen: SettledFx | null,
): FundingPlanEntry {
  return {
    available_before_fx: toText(toMinorUnits(available, currency)),
    funding_currency: chosen?.sellCurrency ?? null,
    fx_needed: toText(toMinorUnits(needed, currency)),
    fx_pair: chosen === null ? null : pairOf(chosen),
    required: toText(toMinorUnits(required, currency)),
    target_currency: currency,
  };
}

export function pairOf({ buyCurrency, sellCurrency }: SettledFx): string {
  return `${buyCurrency}/${sellCurrency}`;
}

/** Tries the accounts in turn. Pairs without a rate are logged once; the smallest deficit is remembered. */
function findSource(run: ProposalRun, state: FundingState, need: Need): Search {
  let smallestDeficit: Shortfall | null = null;
  for (const source of fundingSources(run, need.currency)) {
    const rate = fxRate(run.lookups.quotes, need.currency, source, run.lookups.arithmetic);
    if (rate === undefined) {
      logMissingPair(run, state, `${need.currency}/${source}`);
      continue;
    }
    const sellAmount = toMinorUnits(multiply(need.amount, rate), source);
    const balance = cashBalance(run.portfolio, source) ?? ZERO;
    if (compare(balance, sellAmount) >= 0) {
      const buyAmount = toMinorUnits(need.amount, need.currency);
      const chosen = { buyCurrency: need.currency, buyAmount, sellCurrency: source, sellAmount };
      return { chosen, smallestDeficit };
    }
    const deficit = subtract(sellAmount, balance);
    if (smallestDeficit === null || compare(deficit, smallestDeficit.deficit) < 0) {
      smallestDeficit = { currency: source, deficit };
    }
  }
  return { chosen: null, smallestDeficit };
}

/** Base currency first, then the other accounts, sorted, unless the options allow base currency only. */
function* fundingSources({ options, lookups, portfolio }: ProposalRun, target: string): Generator<string> {
  const base = lookups.baseCurrency;
  if (base !== target) yield base;
  if (options.fx_funding_source_currency === "BASE_ONLY") return;
  const others = [...portfolio.cashRows.keys()].filter(
    (currency) => currency !== base && currency !== target,
  );
  yield* others.sort(compareCodePoints);
}

function logMissingPair({ diagnostics }: ProposalRun, state: FundingState, pair: string): void {
  if (!state.missingPairs.has(pair)) diagnostics.missing_fx_pairs.push(pair);
  if (!state.loggedPairs.has(pair)) diagnostics.data_quality.fx_missing.push(pair);
  state.missingPairs.add(pair);
  state.loggedPairs.add(pair);
}

/** A missing pair, of any currency of the run, takes precedence over a lack of cash as the reason. */
function recordFailure(run: ProposalRun, state: FundingState, smallestDeficit: Shortfall | null): void {
  const { diagnostics, hardFailures, options } = run;
  if (state.missingPairs.size > 0) {
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
    diagnostics.insufficient_cash.push({ currency, deficit: toText(toMinorUnits(deficit, currency)) });
  }
  hardFailures.push("PROPOSAL_INSUFFICIENT_FUNDING_CASH");
}

export function fxIntent(fx: SettledFx, number: number): FxSpotIntent {
  return {
    buy_amount: toText(fx.buyAmount),
    buy_currency: fx.buyCurrency,
    dependencies: [],
    intent_id: `oi_fx_${number}`,
    intent_type: "FX_SPOT",
    pair: pairOf(fx),
    rationale: { code: "FUNDING", message: `Fund ${fx.buyCurrency} buys` },
    sell_amount_estimated: toText(fx.sellAmount),
    sell_currency: fx.sellCurrency,
  };
}
