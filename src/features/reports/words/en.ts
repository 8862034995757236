import { html, type SafeHtml } from "@remix-run/html-template";
import { named } from "../../../platform/html/text.ts";
import { enLabels, type Labels } from "./en-labels.ts";
import { enWave } from "./en-wave.ts";

/** What a finding of the suitability scan is about; numbers as they are shown. */
export type FindingFacts = {
  /** The instrument, issuer or liquidity tier. */
  readonly subject: string;
  readonly measured: string;
  readonly limit: string;
  readonly least: string;
  readonly most: string;
  /** Of the shelf, or what is missing, in words. */
  readonly what: string;
};

/** The words of a report. Other languages have the same. */
export type Words = Omit<typeof en, "labels" | "statements"> & {
  readonly labels: Labels;
  /** Of English sentences in artifacts. A sentence that is not here is shown as it is. */
  readonly statements: Readonly<Record<string, string>>;
};

export const en = {
  labels: enLabels,
  statements: {} satisfies Record<string, string>,
  findings: {
    SUIT_SINGLE_POSITION_MAX: ({ subject, measured, limit }: FindingFacts): SafeHtml =>
      html`${named(subject)} is ${measured} of the portfolio; one position may be ${limit}.`,
    SUIT_ISSUER_MAX: ({ subject, measured, limit }: FindingFacts): SafeHtml =>
      html`Issuer ${named(subject)} is ${measured} of the portfolio; one issuer may be ${limit}.`,
    SUIT_LIQUIDITY_MAX: ({ subject, measured, limit }: FindingFacts): SafeHtml =>
      html`Liquidity tier ${named(subject)} is ${measured} of the portfolio; it may be ${limit}.`,
    SUIT_CASH_BAND: ({ measured, least, most }: FindingFacts): SafeHtml =>
      html`Cash is ${measured} of the portfolio; it should be from ${least} to ${most}.`,
    SUIT_DATA_QUALITY: ({ subject, what }: FindingFacts): SafeHtml =>
      html`${named(subject)} has no ${what}, so it cannot be judged completely.`,
    held: ({ subject, what }: FindingFacts): SafeHtml =>
      html`${named(subject)} is held although its shelf status is: ${what}.`,
    increased: ({ subject, what }: FindingFacts): SafeHtml =>
      html`${named(subject)} is bought or increases although its shelf status is: ${what}.`,
  },
  kind: { proposal: "Advisory proposal", run: "Discretionary rebalance" },
  titleOf: (kind: "proposal" | "run", portfolio: string): string =>
    kind === "proposal" ? `Proposal for portfolio ${portfolio}` : `Rebalance of portfolio ${portfolio}`,
  head: {
    portfolio: "Portfolio",
    mandate: "Mandate",
    jurisdiction: "Jurisdiction",
    version: "Version",
    versionOf: (shown: number, current: number): string =>
      shown === current ? String(shown) : `${shown} (the newest is ${current})`,
    state: { proposal: "State", run: "Review" },
    createdBy: "Created by",
    createdAt: "Created",
    reportedAt: "This report",
    notes: "Notes of the advisor",
    baseCurrency: "Base currency",
  },
  notices: {
    superseded: (shown: number, current: number): string =>
      `This is version ${shown}. A newer version ${current} replaces it.`,
    unverified: "Verification failed: what is stored is not what was recorded. Do not rely on this report.",
    unreadable: "The stored artifact cannot be read, so it was altered. What it said cannot be shown.",
    blocked: "Blocked: nothing of this may be executed before the input is corrected.",
    ended: {
      REJECTED: "This proposal was rejected.",
      CANCELLED: "This proposal was cancelled.",
      EXPIRED: "This proposal has expired.",
    },
  },
  badges: { valid: "Verified", invalid: "Verification failed", unchecked: "Not verified" },
  summary: {
    heading: "At a glance",
    status: "Result",
    gate: "Required by the simulation",
    value: "Portfolio value",
    before: (value: string): string => `before: ${value}`,
    turnover: "Turnover",
    ofPortfolio: (share: string): string => `${share} of the portfolio`,
    drift: "Distance from the model",
    newFindings: "New suitability findings",
    findingCounts: (persistent: string, resolved: string): string =>
      `persistent: ${persistent}, resolved: ${resolved}`,
    failedChecks: "Failed checks",
    checkCount: (count: string): string => `of ${count}`,
    trades: "Trades",
    tradeCounts: (bought: string, sold: string): string => `purchases: ${bought}, sales: ${sold}`,
  },
  allocation: {
    heading: "Allocation",
    assetClasses: "By asset class",
    instruments: "By instrument",
    assetClass: "Asset class",
    instrument: "Instrument",
    before: "Before",
    after: "After",
    change: "Change",
    model: "Model",
    value: "Value after",
    chart: "Chart",
    modelLine: (name: string, asOf: string): string => `The model is ${name}, as of ${asOf}.`,
    noModel: "There is no model to compare with.",
    others: (count: string): string => `${count} others`,
    othersNote: (shown: string, all: string): string =>
      `The ${shown} largest of ${all} are listed; the others are summed up in the last row and are in the artifact.`,
    stacked: (before: string, after: string): string => `Allocation by asset class: ${before}; ${after}`,
    bars: (before: string, after: string, model: string): string =>
      `before ${before}, after ${after}, model ${model}`,
    none: "The portfolio is empty.",
  },
  trades: {
    heading: "Trades and funding",
    securities: "Trades",
    side: "Side",
    instrument: "Instrument",
    quantity: "Quantity",
    notional: "Amount",
    notionalBase: (currency: string): string => `In ${currency}`,
    reason: "Reason",
    waits: "after what it depends on",
    none: "No trades.",
    cashFlows: "Cash flows",
    amount: "Amount",
    description: "Description",
    fx: "Foreign exchange",
    pair: "Pair",
    buys: "Buys",
    sells: "Sells, estimated",
    funding: "Funding by currency",
    required: "Required",
    available: "Available before exchange",
    exchanged: "To be exchanged",
    from: "From",
    shortfall: (money: string): string => `Cash that is missing: ${money}.`,
    leftOut: "Left out",
    estimated: "Amounts are estimates at the prices and rates supplied.",
  },
  costs: {
    heading: "What it costs",
    bought: "Purchases",
    sold: "Sales",
    turnover: "Turnover, purchases and sales",
    share: "Share of the portfolio before",
    limit: "Limit",
    unvalued: (count: string): string =>
      `${count} trades whose worth in the base currency is not known are not in these sums.`,
    gain: "Realized gains",
    loss: "Realized losses",
    budget: "Budget for realized gains",
    used: "Used of the budget",
    noBudget: "none",
    noTax: "Tax on gains is not calculated.",
    fees: "Fees, commissions and spreads are not in these figures.",
  },
  suitability: {
    heading: "Suitability",
    unavailable: "The suitability scan was switched off for this proposal.",
    none: "No findings, before or after.",
    finding: "Finding",
    severity: "Severity",
    dimension: "Area",
    change: "Change",
    counts: (fresh: string, persistent: string, resolved: string): string =>
      `New: ${fresh}, persistent: ${persistent}, resolved: ${resolved}.`,
  },
  checks: {
    heading: "Checks",
    rule: "Rule",
    kind: "Kind",
    result: "Result",
    passed: "Passed",
    failed: "Failed",
    measured: "Measured",
    limits: "Limits",
    noLimit: "no limit",
    between: (least: string, most: string): string => `${least} to ${most}`,
    warnings: "Warnings",
    missing: "Missing data",
  },
  decisions: {
    heading: "Approvals and history",
    hidden: "This deployment does not show them.",
    approvals: { proposal: "Approvals", run: "Decisions of the review" },
    none: "Nothing has been approved or denied.",
    what: "What",
    decision: "Decision",
    approved: "Approved",
    denied: "Denied",
    who: "Who",
    signedInAs: (subject: SafeHtml): SafeHtml => html`signed in as ${subject}`,
    version: "Version",
    otherVersion: "not the one shown",
    when: "When",
    details: "Details",
    history: "History",
    state: "State",
    earlier: (count: string): string => `${count} earlier entries are not listed.`,
    waived: {
      segregation: "by the maker, as this deployment allows",
      blocked: "although blocked, as this deployment allows",
      distinct: "a second duty of one person, as this deployment allows",
    },
  },
  evidence: {
    heading: "Evidence",
    verification: "Verification",
    valid: (moment: string): string =>
      `Everything that is stored was recomputed when this report was made (${moment}): nothing is altered, missing or swapped.`,
    invalid: (moment: string): string =>
      `Everything that is stored was recomputed when this report was made (${moment}). This does not hold:`,
    hidden: "This deployment does not verify.",
    checked: "Checked",
    record: "Record",
    id: "Id",
    fault: "What is wrong",
    identifiers: "Identifiers",
    hashes: "Hashes",
    engine: "Engine",
    rules: "Rules",
  },
  disclosures: {
    heading: "Assumptions and disclosures",
    simulated:
      "Simulated on the prices and rates supplied; actual executions will differ, and investments may lose value.",
    marketData: "Market data",
    pricesAsOf: "Prices as of",
    ratesAsOf: "Rates as of",
    valuation: "Valuation",
    documents: "Product documents",
    rounding:
      "Numbers are rounded for reading, half to even; the exact ones are in the artifact, whose hash is above.",
  },
  wave: enWave,
  foot: {
    madeBy: "Made by Ballast from the stored artifact alone.",
    moments: "All times are UTC.",
  },
};
