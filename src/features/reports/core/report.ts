import type { Decimal } from "../../../decimal/decimal.ts";
import type { Money, StoredGate } from "./stored.ts";

/** What a report says, before it is put into the words and numbers of a language. Of proposals and runs alike. */
export type Report = {
  readonly kind: "proposal" | "run";
  readonly head: ReportHead;
  /** Null: the stored artifact cannot be read, so somebody altered it. */
  readonly content: ReportContent | null;
  readonly decisions: Decisions;
  readonly evidence: Evidence;
};

/** Texts of callers are as they were sent. */
export type ReportHead = {
  /** The proposal or run. */
  readonly id: string;
  readonly title: string | null;
  readonly notes: string | null;
  readonly portfolioId: string;
  readonly mandateId: string | null;
  readonly jurisdiction: string | null;
  /** Of a proposal: the version that is shown, and the newest. */
  readonly version: { readonly shown: number; readonly current: number } | null;
  /** Where the lifecycle or the review stands; null where there is none. */
  readonly state: string | null;
  readonly createdBy: string | null;
  /** Of what is shown. */
  readonly createdAt: string;
  readonly reportedAt: string;
};

export type ReportContent = {
  readonly status: string;
  readonly baseCurrency: string;
  readonly gate: StoredGate | null;
  readonly totals: { readonly before: Money; readonly after: Money };
  readonly model: { readonly name: string | null; readonly asOf: string | null } | null;
  readonly drift: { readonly before: Decimal; readonly after: Decimal } | null;
  readonly assetClasses: Allocation;
  readonly instruments: Allocation;
  readonly trades: Trades;
  readonly costs: Costs;
  /** Null: a run has none. `isAvailable`: the scanner was on. */
  readonly suitability: Suitability | null;
  readonly checks: readonly Check[];
  readonly warnings: readonly string[];
  readonly missingData: readonly { readonly kind: string; readonly names: readonly string[] }[];
  readonly disclosures: Disclosures;
  /** Of the rules that were followed. */
  readonly rulesVersion: string;
};

export type Share = { readonly weight: Decimal; readonly value: Money };

export type AllocationRow = {
  readonly key: string;
  readonly before: Share | null;
  readonly after: Share | null;
  readonly model: Decimal | null;
};

/** The largest first. `others`: what the rest comes to, where there is more than fits. */
export type Allocation = {
  readonly rows: readonly AllocationRow[];
  readonly others: (Omit<AllocationRow, "key"> & { readonly count: number }) | null;
};

export type Trade = {
  readonly side: "BUY" | "SELL";
  readonly instrumentId: string;
  readonly quantity: Decimal | null;
  readonly notional: Money | null;
  readonly notionalBase: Money | null;
  readonly reason: string | null;
  /** Other trades that have to come first. */
  readonly waits: boolean;
};

export type Trades = {
  /** All of them: they are what is approved. */
  readonly securities: readonly Trade[];
  readonly fx: readonly {
    readonly pair: string;
    readonly buy: Money;
    readonly sell: Money;
    readonly reason: string | null;
  }[];
  readonly cashFlows: readonly { readonly money: Money; readonly description: string | null }[];
  readonly funding: readonly {
    readonly required: Money;
    readonly available: Money;
    readonly exchanged: Money;
    readonly from: string | null;
  }[];
  readonly shortfalls: readonly Money[];
  /** What would have been traded. */
  readonly leftOut: readonly {
    readonly instrumentId: string;
    readonly notional: Money;
    readonly reason: string;
  }[];
};

export type Costs = {
  readonly bought: Money;
  readonly sold: Money;
  /** Purchases and sales, and their share of the portfolio before; null where that is worth nothing. */
  readonly turnover: Money;
  readonly turnoverShare: Decimal | null;
  readonly turnoverLimit: Decimal | null;
  /** Trades whose worth in the base currency is not known, and which the sums leave out. */
  readonly unvalued: number;
  readonly tax: Tax | null;
};

export type Tax = {
  readonly gain: Money;
  readonly loss: Money;
  readonly limit: Money | null;
  readonly used: Money | null;
};

export type Finding = {
  readonly id: string;
  readonly dimension: string;
  readonly severity: string;
  readonly change: string;
  /** As the engine wrote it, in English. */
  readonly summary: string;
  readonly details: Readonly<Record<string, string>>;
};

export type Suitability = {
  readonly isAvailable: boolean;
  readonly counts: { readonly new: number; readonly persistent: number; readonly resolved: number };
  readonly findings: readonly Finding[];
};

export type Check = {
  readonly rule: string;
  readonly severity: string;
  readonly passed: boolean;
  readonly measured: Decimal;
  readonly limits: { readonly min: Decimal | null; readonly max: Decimal | null };
  readonly reason: string;
};

export type Disclosures = {
  readonly marketData: string | null;
  readonly pricesAsOf: string | null;
  readonly ratesAsOf: string | null;
  readonly valuationMode: string | null;
  /** Sentences of the artifact, in English. */
  readonly statements: readonly string[];
  readonly documents: readonly { readonly instrumentId: string; readonly reference: string }[];
};

/** `isShown` false: the deployment has switched off what tells of them. */
export type Decisions = {
  readonly isShown: boolean;
  readonly approvals: readonly Approval[];
  readonly history: readonly HistoryItem[];
  /** Items of the history that are older than those shown. */
  readonly earlier: number;
};

export type Approval = {
  readonly type: string;
  /** Null: neither, as where changes are asked for. */
  readonly approved: boolean | null;
  readonly person: Person;
  readonly versionNo: number | null;
  readonly at: string;
  readonly details: Details;
  readonly waived: readonly Waiver[];
};

/** What was said with it. */
export type Details = readonly { readonly name: string; readonly text: string }[];

/** A rule of four eyes that the deployment does without, and that this broke. */
export type Waiver = "segregation" | "blocked" | "distinct";

/** Who acted: the name that was given, and whom the token named, if there was one. */
export type Person = { readonly actor: string; readonly subject: string | null };

export type HistoryItem = {
  readonly event: string;
  readonly from: string | null;
  readonly to: string;
  /** Null: nobody, the work itself came to its end. */
  readonly person: Person | null;
  readonly versionNo: number | null;
  readonly at: string;
  readonly details: Details;
  readonly waived: readonly Waiver[];
};

export type Evidence = {
  /** By the name that the contract has for each. */
  readonly ids: readonly Named[];
  readonly hashes: readonly Named[];
  /** Null: not one alone. */
  readonly engineVersion: string | null;
  /** Null: it was not verified. */
  readonly verification: Verification | null;
};

export type Named = { readonly name: string; readonly value: string };

export type Verification = {
  readonly valid: boolean;
  readonly checked: Readonly<Record<string, number>>;
  readonly failures: readonly { readonly kind: string; readonly id: string; readonly reason: string }[];
};
