import { HtmlValidate } from "html-validate";
import { defaultTreeAdapter, parse, type DefaultTreeAdapterTypes } from "parse5";
import { ProposalSimulateRequest } from "../../src/contract/proposal.ts";
import { RebalanceRequest } from "../../src/contract/rebalance.ts";
import { simulateRebalance } from "../../src/engine/rebalance/simulate.ts";
import type { ProposalReportInput, RunReportInput } from "../../src/features/reports/calculations.ts";
import { draftVersion } from "../../src/features/proposals/prepare-version.ts";
import type { ApprovalRow, EventRow } from "../../src/features/proposals/event.ts";
import { contentHash } from "../../src/platform/hash.ts";
import { canonicalJson } from "../../src/platform/json/canonical-json.ts";
import { readStored } from "../../src/platform/json/stored-json.ts";

/** What a private bank would sign: a sale, four purchases in three currencies, new money, a model. */
export function proposalRequest(change: Readonly<Record<string, unknown>> = {}) {
  return {
    portfolio_snapshot: {
      snapshot_id: "ps_1",
      portfolio_id: "pf_keller",
      base_currency: "CHF",
      positions: [
        { instrument_id: "US_MSFT", quantity: "1500" },
        { instrument_id: "CH_NESTLE", quantity: "1400" },
      ],
      cash_balances: [
        { currency: "CHF", amount: "85000" },
        { currency: "USD", amount: "145000" },
      ],
    },
    ...market(),
    options: { enable_proposal_simulation: true },
    proposed_cash_flows: [{ currency: "CHF", amount: "50000", description: "New money" }],
    proposed_trades: [
      { side: "SELL", instrument_id: "US_MSFT", quantity: "500" },
      { side: "BUY", instrument_id: "EU_BUND", quantity: "600" },
      { side: "BUY", instrument_id: "GOLD_ETC", quantity: "150" },
    ],
    reference_model: {
      model_id: "Balanced income",
      as_of: "2026-11-01",
      base_currency: "CHF",
      asset_class_targets: [
        { asset_class: "EQUITY", weight: "0.60" },
        { asset_class: "FIXED_INCOME", weight: "0.30" },
        { asset_class: "CASH", weight: "0.10" },
      ],
      instrument_targets: [{ instrument_id: "US_MSFT", weight: "0.25" }],
    },
    ...change,
  };
}

const INSTRUMENTS = [
  ["US_MSFT", "412.50", "USD", "EQUITY"],
  ["CH_NESTLE", "92.40", "CHF", "EQUITY"],
  ["EU_BUND", "101.20", "EUR", "FIXED_INCOME"],
  ["GOLD_ETC", "248.30", "USD", "ALTERNATIVE"],
] as const;

function market() {
  return {
    market_data_snapshot: {
      snapshot_id: "md_1",
      prices: INSTRUMENTS.map(([instrument_id, price, currency]) => ({ instrument_id, price, currency })),
      fx_rates: [
        { pair: "USD/CHF", rate: "0.8840" },
        { pair: "EUR/CHF", rate: "0.9385" },
      ],
    },
    shelf_entries: INSTRUMENTS.map(([instrument_id, , , asset_class]) => ({
      instrument_id,
      status: "APPROVED",
      asset_class,
      issuer_id: `ISS_${instrument_id}`,
      liquidity_tier: "L1",
    })),
  };
}

export const REPORTED_AT = "2026-11-30T08:15:30.000Z";

const VALID = { valid: true, checked: { versions: 1, events: 1, approvals: 0 }, failures: [] };

/** What the page of a proposal is made from. */
export function proposalInput(
  request: unknown = proposalRequest(),
  change: Partial<ProposalReportInput> = {},
): ProposalReportInput {
  const draft = draftVersion(
    readStored(ProposalSimulateRequest, JSON.stringify(request)),
    { correlationId: "corr_1", idempotencyKey: "key_1", engineVersion: "0.1.0", defaultRulesVersion: "1" },
    "2026-11-30T08:00:00.000Z",
    true,
  );
  const made = { created_by: "advisor_1", created_at: "2026-11-30T08:00:00.000Z", correlation_id: "corr_1" };
  const event = eventRow({ event_no: 1, event_type: "CREATED", from_state: null, to_state: "DRAFT" });
  return {
    language: "en",
    reportedAt: REPORTED_AT,
    verification: VALID,
    proposal: {
      ...made,
      proposal_id: "pp_1",
      title: "Income for the Keller family",
      advisor_notes: "Steadier income.\nLess in single shares.",
      jurisdiction: "CH",
      mandate_id: "mandate_17",
      portfolio_id: draft.portfolio_id,
      current_state: "DRAFT",
      current_version_no: 1,
      last_event_no: 1,
      last_event_hash: contentHash("event"),
      last_event_at: made.created_at,
    },
    version: {
      ...draft,
      ...made,
      proposal_id: "pp_1",
      version_no: 1,
      proposal_version_id: "ppv_1",
      created_by_folded: "advisor_1",
      authenticated_subject: null,
    },
    history: { approvals: [], events: [event] },
    ...change,
  };
}

export function eventRow(
  change: Pick<EventRow, "event_no" | "event_type" | "from_state" | "to_state"> & Partial<EventRow>,
): EventRow {
  return {
    proposal_id: "pp_1",
    event_id: `pwe_${String(change.event_no)}`,
    actor_id: "advisor_1",
    actor_folded: "advisor_1",
    authenticated_subject: null,
    occurred_at: "2026-11-30T08:00:00.000Z",
    correlation_id: "corr_1",
    reason_text: "{}",
    related_version_no: 1,
    segregation_waived: false,
    blocked_waived: false,
    distinct_waived: false,
    proposal_hash: null,
    version_hash: null,
    approval_id: null,
    approval_hash: null,
    hash_version: 2,
    previous_hash: null,
    event_hash: contentHash("event"),
    ...change,
  };
}

export function approvalRow(change: Partial<ApprovalRow> & Pick<ApprovalRow, "event_no">): ApprovalRow {
  return {
    proposal_id: "pp_1",
    approval_id: `pap_${String(change.event_no)}`,
    approval_type: "RISK",
    approved: true,
    actor_id: "risk_1",
    authenticated_subject: null,
    occurred_at: "2026-11-30T08:05:00.000Z",
    details_text: "{}",
    related_version_no: 1,
    ...change,
  };
}

/** A rebalance with tax lots, and sales that a budget for gains holds back. */
export function rebalanceRequest(change: Readonly<Record<string, unknown>> = {}) {
  const lot = (lot_id: string, quantity: string, amount: string) => ({
    lot_id,
    quantity,
    unit_cost: { amount, currency: "USD" },
    purchase_date: "2020-01-01",
  });
  return {
    portfolio_snapshot: {
      portfolio_id: "pf_lopez",
      base_currency: "USD",
      positions: [
        {
          instrument_id: "US_MSFT",
          quantity: "1500",
          lots: [lot("1", "600", "51.20"), lot("2", "500", "251.75"), lot("3", "400", "420.10")],
        },
      ],
      cash_balances: [{ currency: "USD", amount: "85000" }],
    },
    ...market(),
    model_portfolio: {
      targets: [
        { instrument_id: "US_MSFT", weight: "0.25" },
        { instrument_id: "GOLD_ETC", weight: "0.65" },
      ],
    },
    options: { enable_tax_awareness: true, max_realized_capital_gains: "40000", max_turnover_pct: "0.9" },
    ...change,
  };
}

/** What the page of a run is made from. */
export function runInput(
  request: unknown = rebalanceRequest(),
  change: Partial<RunReportInput> = {},
): RunReportInput {
  const input = readStored(RebalanceRequest, JSON.stringify(request));
  const input_text = canonicalJson(input);
  const ids = { rebalance_run_id: "rr_1", correlation_id: "corr_1", request_hash: contentHash(input_text) };
  const result = simulateRebalance(input, {
    runId: ids.rebalance_run_id,
    correlationId: ids.correlation_id,
    requestHash: ids.request_hash,
    idempotencyKey: null,
    engineVersion: "0.1.0",
    defaultRulesVersion: "1",
  });
  const result_text = canonicalJson(result);
  return {
    language: "en",
    reportedAt: REPORTED_AT,
    verification: { valid: true, checked: { runs: 1, payloads: 1 }, failures: [] },
    run: {
      ...ids,
      idempotency_key: null,
      portfolio_id: input.portfolio_snapshot.portfolio_id,
      status: result.status,
      engine_version: "0.1.0",
      input_hash: contentHash(input_text),
      result_hash: contentHash(result_text),
      created_at: "2026-11-30T08:00:00.000Z",
      authenticated_subject: null,
      input_text,
      result_text,
      artifact_text: null,
    },
    review: { status: "NOT_REQUIRED", decisions: [] },
    ...change,
  };
}

type Element = DefaultTreeAdapterTypes.Element;
type Node = DefaultTreeAdapterTypes.Node;

/** A page as a browser reads it. */
export type ReadPage = {
  /** What a parser of the HTML standard finds wrong. */
  readonly errors: readonly string[];
  readonly elements: readonly Element[];
  readonly text: string;
};

export function readPage(page: string): ReadPage {
  const errors: string[] = [];
  const document = parse(page, {
    sourceCodeLocationInfo: true,
    onParseError: ({ code, startLine }) => errors.push(`${code} in line ${String(startLine)}`),
  });
  const elements: Element[] = [];
  let text = "";
  const visit = (node: Node): void => {
    if (defaultTreeAdapter.isTextNode(node)) text += `${node.value} `;
    if (defaultTreeAdapter.isElementNode(node)) elements.push(node);
    if (!("childNodes" in node) || node.nodeName === "style") return;
    for (const child of node.childNodes) visit(child);
  };
  visit(document);
  return { errors, elements, text: text.replaceAll(/\s+/g, " ") };
}

export function attribute({ attrs }: Element, name: string): string | undefined {
  return attrs.find((each) => each.name === name)?.value;
}

/** The content of the one style element, byte for byte. */
export function styleIn(page: string): string {
  const [, style, ...more] = page.split(/<style>|<\/style>/);
  if (style === undefined || more.length !== 1) throw new Error("the page has not one style element");
  return style;
}

const validator = new HtmlValidate({
  extends: ["html-validate:recommended"],
  rules: {
    // How prettier writes what is in templates.
    "doctype-style": "off",
    "void-style": ["error", { style: "selfclose" }],
    "no-trailing-whitespace": "off",
    // Titles are a client's.
    "long-title": "off",
  },
});

/** What is wrong with a page by the rules of HTML, and of who cannot see it. */
export async function faultsOfPage(page: string): Promise<string[]> {
  const { results } = await validator.validateString(page);
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, line }) => `${ruleId} in line ${String(line)}: ${message}`),
  );
}
