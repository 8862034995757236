import * as z from "zod";
import type { RebalanceRequest, RebalanceResult } from "../../contract/rebalance.ts";
import { EngineOptions, type RulesVersion } from "../../contract/options.ts";
import { parseStored, wireObject } from "../../contract/wire.ts";
import { faultsOf } from "../../engine/versions.ts";
import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { readStored } from "../../platform/json/stored-json.ts";
import { isRefusedInput, refusedInput, type RefusedInput } from "../../platform/refused-input.ts";
import type { Calculation } from "../../platform/threads.ts";
import type { PackInForce } from "../policies/core.ts";
import { executeRun, shapeRequest, type ExecutedRun } from "../rebalance/execute-run.ts";
import type { RunRecord } from "../runs/repository.ts";
import { faultsText } from "./bodies.ts";
import { totalsOf, type WaveTotal } from "./core/totals.ts";
import { portfolioFields, WaveShared } from "./schemas.ts";

/** One item to calculate, under the identity that its run gets. */
export type ItemInput = {
  readonly portfolioText: string;
  readonly runId: string;
  readonly correlationId: string;
};

export type ItemsInput = {
  readonly sharedText: string;
  readonly pack: PackInForce;
  readonly items: readonly ItemInput[];
  readonly engineVersion: string;
  readonly defaultRulesVersion: RulesVersion;
  readonly createdAt: string;
  readonly storesArtifact: boolean;
};

export type CalculatedItem =
  | { readonly kind: "run"; readonly run: RunRecord }
  /** The rules in force cannot take it, though it passed the contract. */
  | { readonly kind: "refused"; readonly faultsText: string }
  /** The engine met what it should not have; whoever reads the log is told. */
  | { readonly kind: "failed"; readonly reason: string };

/** `totals`: the sums over all runs that were made. */
export type CalculatedItems = {
  readonly items: readonly CalculatedItem[];
  readonly totals: readonly WaveTotal[];
};

/** Items of one wave: the records of their runs, with all their texts and hashes. One that fails leaves the others alone. */
export const CALCULATE_ITEMS: Calculation<ItemsInput, CalculatedItems> = {
  name: "calculate items of a wave",
  compute: (input) => {
    const shared = readShared(input.sharedText);
    const results: RebalanceResult[] = [];
    const items = input.items.map((item): CalculatedItem => {
      try {
        const calculated = calculateItem(shared, item, input);
        if (isRefusedInput(calculated)) return { kind: "refused", faultsText: faultsText(calculated.faults) };
        results.push(calculated.result);
        return { kind: "run", run: calculated.record };
      } catch (error) {
        return { kind: "failed", reason: String(error) };
      }
    });
    return { items, totals: totalsOf(results) };
  },
};

/** A thread works on many items of one wave in a row: what they share is read once. */
const readShared = rememberingLast((text) => readStored(WaveShared, text));

function rememberingLast<T>(read: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly value: T } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, value: read(text) };
    return last.value;
  };
}

function calculateItem(shared: WaveShared, item: ItemInput, input: ItemsInput): ExecutedRun | RefusedInput {
  const request = requestOf(shared, item.portfolioText);
  const requestText = canonicalJson(request);
  const shaped = shapeRequest(request, requestText, input.pack);
  const { createdAt, defaultRulesVersion, engineVersion, storesArtifact } = input;
  const refused = refusedInput(faultsOf(shaped.input, defaultRulesVersion));
  if (refused !== undefined) return refused;
  const identity = {
    runId: item.runId,
    correlationId: item.correlationId,
    // As if it had been sent alone.
    requestHash: contentHash(requestText),
    idempotencyKey: null,
    engineVersion,
    defaultRulesVersion,
  };
  return executeRun(shaped, identity, { createdAt, batchRunId: null, storesArtifact });
}

/** Of the options, only those that were sent. */
const StoredPortfolio = wireObject({
  ...portfolioFields,
  options: z.custom<unknown>().optional(),
});

/** The request that somebody would have sent for this portfolio alone. */
function requestOf(shared: WaveShared, portfolioText: string): RebalanceRequest {
  const own = readStored(StoredPortfolio, portfolioText);
  return {
    market_data_snapshot: shared.market_data_snapshot,
    model_portfolio: own.model_portfolio ?? shared.model_portfolio,
    options: optionsOf(shared.options, own.options),
    portfolio_snapshot: own.portfolio_snapshot,
    shelf_entries: shared.shelf_entries,
  };
}

function optionsOf(shared: EngineOptions, own: unknown): EngineOptions {
  if (typeof own !== "object" || own === null) return shared;
  const { data: read, error } = parseStored(EngineOptions, own);
  if (read === undefined) throw new Error("stored options do not pass their contract", { cause: error });
  const sent = Object.entries(read).filter(([name]) => name in own);
  return { ...shared, ...Object.fromEntries(sent) };
}
