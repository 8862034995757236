import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  REPORT_PROPOSAL,
  REPORT_RUN,
  type ProposalReportInput,
  type RunReportInput,
} from "../../../src/features/reports/calculations.ts";
import type { LanguageTag } from "../../../src/features/reports/language.ts";
import { REPORT_STYLE } from "../../../src/features/reports/pages/style.ts";
import { de } from "../../../src/features/reports/words/de.ts";
import { en } from "../../../src/features/reports/words/en.ts";
import {
  approvalRow,
  attribute,
  eventRow,
  faultsOfPage,
  proposalInput,
  proposalRequest,
  readPage,
  rebalanceRequest,
  runInput,
  styleIn,
} from "../../support/reports.ts";

const HOSTILE = `<script>alert("1")</script>'"><img src=x onerror=alert(2)> & \u202Etxt.exe \u200B\u0085</td></table>`;

const proposalPage = (input: ProposalReportInput) => REPORT_PROPOSAL.compute(input);
const runPage = (input: RunReportInput) => REPORT_RUN.compute(input);

const EMPTY = {
  portfolio_snapshot: { portfolio_id: "pf_empty", base_currency: "USD", positions: [], cash_balances: [] },
  market_data_snapshot: { prices: [], fx_rates: [] },
  shelf_entries: [],
  options: {
    enable_proposal_simulation: true,
    enable_suitability_scanner: false,
    enable_drift_analytics: false,
  },
};

/** Everything that a caller may choose, chosen by somebody who means ill. */
function hostileProposal(language: LanguageTag): ProposalReportInput {
  const input = proposalInput({
    portfolio_snapshot: {
      portfolio_id: HOSTILE.replace("\u0085", ""),
      base_currency: "U<S>",
      positions: [{ instrument_id: "<b>1</b>", quantity: "10" }],
      cash_balances: [{ currency: "U<S>", amount: "1000" }],
    },
    market_data_snapshot: {
      snapshot_id: "<i>md</i>",
      prices: [{ instrument_id: "<b>1</b>", price: "10", currency: "U<S>" }],
      fx_rates: [],
    },
    shelf_entries: [
      { instrument_id: "<b>1</b>", status: "RESTRICTED", asset_class: HOSTILE, issuer_id: '"><u>' },
    ],
    options: { enable_proposal_simulation: true, allow_restricted: true },
    proposed_cash_flows: [{ currency: "U<S>", amount: "5", description: HOSTILE }],
    proposed_trades: [{ side: "BUY", instrument_id: "<b>1</b>", quantity: "5" }],
    reference_model: {
      model_id: '<a href="javascript:alert(3)">',
      as_of: "<s>",
      base_currency: "U<S>",
      asset_class_targets: [{ asset_class: HOSTILE, weight: "1" }],
      instrument_targets: [],
    },
  });
  const details_text = JSON.stringify({
    [HOSTILE.replace("\u0085", "")]: "<em>yes</em>",
    more: { "<q>": 1 },
  });
  const text = {
    title: HOSTILE,
    advisor_notes: `${HOSTILE}\r\nsecond`,
    jurisdiction: HOSTILE,
    mandate_id: HOSTILE,
  };
  return {
    ...input,
    language,
    proposal: { ...input.proposal, ...text },
    verification: {
      valid: false,
      checked: { versions: 1 },
      failures: [{ kind: "version", id: HOSTILE, reason: HOSTILE }],
    },
    history: {
      approvals: [
        approvalRow({ event_no: 2, actor_id: HOSTILE, authenticated_subject: "<ruby>", details_text }),
      ],
      events: [
        eventRow({
          event_no: 2,
          event_type: "RISK_APPROVED",
          from_state: "RISK_REVIEW",
          to_state: "AWAITING_CLIENT_CONSENT",
          approval_id: "pap_2",
          actor_id: HOSTILE,
        }),
      ],
    },
  };
}

const WITH_MANY = {
  ...rebalanceRequest(),
  portfolio_snapshot: {
    portfolio_id: "pf_many",
    base_currency: "USD",
    positions: Array.from({ length: 120 }, (_, at) => ({ instrument_id: `I_${String(at)}`, quantity: "10" })),
    cash_balances: [{ currency: "USD", amount: "-500" }],
  },
  market_data_snapshot: {
    prices: Array.from({ length: 120 }, (_, at) => ({
      instrument_id: `I_${String(at)}`,
      price: String(at + 1),
      currency: "USD",
    })),
    fx_rates: [],
  },
  shelf_entries: Array.from({ length: 120 }, (_, at) => ({
    instrument_id: `I_${String(at)}`,
    status: "APPROVED",
    asset_class: `CLASS_${String(at % 20)}`,
  })),
  model_portfolio: { targets: [{ instrument_id: "I_7", weight: "0.9" }] },
};

const blocked = rebalanceRequest({ market_data_snapshot: { prices: [], fx_rates: [] } });

const PAGES: readonly (readonly [string, (language: LanguageTag) => string])[] = [
  ["a proposal", (language) => proposalPage(proposalInput(undefined, { language }))],
  ["a proposal of nothing", (language) => proposalPage(proposalInput(EMPTY, { language }))],
  ["a hostile proposal", (language) => proposalPage(hostileProposal(language))],
  [
    "a proposal of a deployment that hides the rest",
    (language) => proposalPage(proposalInput(undefined, { language, history: null, verification: null })),
  ],
  [
    "a proposal whose artifact is no artifact",
    (language) => {
      const input = proposalInput(undefined, { language });
      return proposalPage({ ...input, version: { ...input.version, artifact_text: '{"status":1}' } });
    },
  ],
  ["a run", (language) => runPage(runInput(undefined, { language }))],
  ["a run that is blocked", (language) => runPage(runInput(blocked, { language }))],
  ["a run of many instruments", (language) => runPage(runInput(WITH_MANY, { language }))],
  [
    "a run whose review is hidden",
    (language) => runPage(runInput(undefined, { language, review: null, verification: null })),
  ],
];

describe.each(["en", "de", "de-CH"] as const)("in %s", (language) => {
  describe.each(PAGES)("the page of %s", (_name, make) => {
    const page = make(language);
    const { errors, elements } = readPage(page);

    test("is HTML without a fault", async () => {
      expect(errors).toEqual([]);
      expect(await faultsOfPage(page)).toEqual([]);
    });

    test("has no script, no style but its own, and loads nothing", () => {
      const names = new Set(elements.map(({ tagName }) => tagName));
      for (const name of [
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "a",
        "base",
        "foreignObject",
      ]) {
        expect(names).not.toContain(name);
      }
      for (const element of elements) {
        for (const { name, value } of element.attrs) {
          expect(name).not.toMatch(/^(on|style$|srcset$|src$|action$|xlink)/);
          if (name === "href") expect(value).toMatch(/^data:image\/svg\+xml,/);
        }
      }
    });

    test("says its language", () => {
      const [root] = elements.filter(({ tagName }) => tagName === "html");
      expect(root && attribute(root, "lang")).toBe(language);
    });
  });
});

test("the policy allows the style sheet of the page by its hash, and nothing else", () => {
  const digest = createHash("sha256")
    .update(styleIn(proposalPage(proposalInput())))
    .digest("base64");
  expect(REPORT_STYLE.policy).toBe(
    `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
});

describe("what callers wrote", () => {
  const { elements, text } = readPage(proposalPage(hostileProposal("en")));

  test("stands there as text, letter for letter", () => {
    expect(text).toContain(`<script>alert("1")</script>'"><img src=x onerror=alert(2)> &`);
    expect(text).toContain('<a href="javascript:alert(3)">');
    expect(text).toContain("5.00 U<S>");
    expect(text).toContain("<em>yes</em>");
    expect(text).toContain('{"<q>":1}');
  });

  test("makes no element", () => {
    const names = new Set(elements.map(({ tagName }) => tagName));
    for (const name of ["b", "u", "s", "em", "q", "ruby", "img", "script"]) expect(names).not.toContain(name);
  });

  test("cannot turn a name around or hide a character in it", () => {
    expect(text).not.toMatch(/[\u202E\u200B\u0085]/);
    expect(text).toContain("⟨U+202E⟩txt.exe ⟨U+200B⟩⟨U+0085⟩");
    const titles = elements.filter(({ tagName }) => tagName === "title");
    expect(titles).toHaveLength(1);
  });

  test("keeps its direction to itself", () => {
    const heading = elements.find(({ tagName }) => tagName === "h1");
    expect(heading?.childNodes.map(({ nodeName }) => nodeName)).toEqual(["bdi"]);
  });

  test("keeps its lines", () => {
    const written = elements.find((element) => attribute(element, "class") === "written");
    expect(readPage(proposalPage(hostileProposal("en"))).text).toContain("second");
    expect(written).toBeDefined();
  });
});

describe("the sections of a proposal", () => {
  test.each([
    ["en", en],
    ["de", de],
  ] as const)("are all there in %s", (language, words) => {
    const { elements, text } = readPage(proposalPage(proposalInput(undefined, { language })));
    const headings = elements.filter(({ tagName }) => tagName === "h2").map(headingText);
    expect(headings).toEqual([
      words.head.notes,
      words.summary.heading,
      words.allocation.heading,
      words.trades.heading,
      words.costs.heading,
      words.suitability.heading,
      words.checks.heading,
      words.decisions.heading,
      words.evidence.heading,
      words.disclosures.heading,
    ]);
    expect(text).toContain(words.kind.proposal);
  });

  test("are without what cannot be read, and say so", () => {
    const input = proposalInput();
    const altered = { ...input, version: { ...input.version, artifact_text: "{" } };
    const { elements, text } = readPage(proposalPage(altered));
    expect(elements.filter(({ tagName }) => tagName === "h2").map(headingText)).toEqual([
      en.head.notes,
      en.decisions.heading,
      en.evidence.heading,
    ]);
    expect(text).toContain(en.notices.unreadable);
    expect(text).toContain(input.version.artifact_hash);
  });
});

function headingText({ childNodes }: { childNodes: readonly object[] }): string {
  return childNodes.map((node) => ("value" in node ? String(node.value) : "")).join("");
}

describe("a reader of German", () => {
  const text = (input: ProposalReportInput) => readPage(proposalPage(input)).text;

  test("reads numbers, dates, codes, findings and disclaimers in German", () => {
    const german = text(proposalInput(undefined, { language: "de" }));
    expect(german).toContain("30.11.2026, 08:15:30 UTC");
    expect(german).toMatch(/182\.325,00\sCHF/);
    expect(german).toMatch(/Aktien/);
    expect(german).toMatch(
      /US_MSFT macht \d\d,\d\d\s% des Portfolios aus; erlaubt sind 10,00\s% für eine Position\./,
    );
    expect(german).toContain("Anlagen können an Wert verlieren");
    expect(german).not.toContain("investments may lose value");
  });

  test("in Switzerland reads numbers as they are written there", () => {
    expect(text(proposalInput(undefined, { language: "de-CH" }))).toMatch(/CHF\s182.325\.00/);
  });

  test("is told which sentences are English: those that nobody translated", () => {
    const page = proposalPage(
      proposalInput(undefined, {
        language: "de",
        verification: {
          valid: false,
          checked: {},
          failures: [{ kind: "event", id: "pwe_1", reason: "its content does not give its hash" }],
        },
      }),
    );
    expect(page).toMatch(/<span lang="en"\s*><bdi>its content does not give its hash<\/bdi>/);
  });

  test("finds every label that English has", () => {
    expect(Object.keys(de.labels).sort()).toEqual(Object.keys(en.labels).sort());
    expect(JSON.stringify(de)).not.toContain("ß");
  });
});

describe("what is said first", () => {
  const notices = (input: ProposalReportInput) => {
    const { elements } = readPage(proposalPage(input));
    const found = elements.filter((element) => attribute(element, "class")?.startsWith("notice "));
    return found.map(headingText).map((text) => text.replaceAll(/\s+/g, " ").trim());
  };

  test("that verification failed, with what does not hold", () => {
    const failures = [
      { kind: "version", id: "ppv_1", reason: "its artifact does not give its artifact_hash" },
    ];
    const input = proposalInput(undefined, { verification: { valid: false, checked: {}, failures } });
    expect(notices(input)[0]).toBe(en.notices.unverified);
    const { text } = readPage(proposalPage(input));
    expect(text).toContain("Verification failed");
    expect(text).toContain("its artifact does not give its artifact_hash");
  });

  test("that a newer version replaces the one that is shown", () => {
    const input = proposalInput();
    const newer = { ...input, proposal: { ...input.proposal, current_version_no: 3 } };
    expect(notices(newer)).toContain(en.notices.superseded(1, 3));
    expect(notices(input)).not.toContain(en.notices.superseded(1, 1));
  });

  test.each(["REJECTED", "CANCELLED", "EXPIRED"] as const)("that a proposal is %s", (current_state) => {
    const input = proposalInput();
    const ended = { ...input, proposal: { ...input.proposal, current_state } };
    expect(notices(ended)).toContain(en.notices.ended[current_state]);
  });

  test("that a run is blocked", () => {
    expect(readPage(runPage(runInput(blocked))).text).toContain(en.notices.blocked);
  });
});

describe("who decided", () => {
  const approved = (change: Partial<Parameters<typeof approvalRow>[0]>) =>
    proposalInput(undefined, {
      history: {
        approvals: [approvalRow({ event_no: 2, ...change })],
        events: [
          eventRow({
            event_no: 2,
            event_type: "RISK_APPROVED",
            from_state: "RISK_REVIEW",
            to_state: "AWAITING_CLIENT_CONSENT",
            approval_id: "pap_2",
            segregation_waived: true,
          }),
        ],
      },
    });

  test("stands there with what, when, and for which version", () => {
    const { text } = readPage(proposalPage(approved({ details_text: '{"channel":"letter","score":0.10}' })));
    expect(text).toMatch(/Risk Approved .*risk_1 1 30 Nov 2026, 08:05:00 UTC channel : letter/);
    // Digits as they were sent.
    expect(text).toMatch(/score : 0\.1\b/);
    expect(text).toContain(en.decisions.waived.segregation);
    expect(text).toMatch(/Risk review → Awaiting client consent/);
  });

  test("and what was for another version is told apart", () => {
    expect(readPage(proposalPage(approved({ related_version_no: 2 }))).text).toContain("2 not the one shown");
  });

  test("whom the token named stands with it where it is somebody else", () => {
    const { text } = readPage(proposalPage(approved({ authenticated_subject: "delegate_9" })));
    expect(text).toContain("signed in as delegate_9");
    const own = readPage(proposalPage(approved({ authenticated_subject: "risk_1" }))).text;
    expect(own).not.toContain("signed in as");
  });

  test("an approval that came as an event alone is one too", () => {
    const input = proposalInput(undefined, {
      history: {
        approvals: [],
        events: [
          eventRow({
            event_no: 7,
            event_type: "COMPLIANCE_APPROVED",
            from_state: "COMPLIANCE_REVIEW",
            to_state: "AWAITING_CLIENT_CONSENT",
            actor_id: "compliance_3",
          }),
        ],
      },
    });
    const { text } = readPage(proposalPage(input));
    expect(text).toMatch(/Compliance Approved compliance_3/);
    expect(text).toContain(en.decisions.earlier("6"));
  });

  test("long reasons are cut, so that no page drowns in one", () => {
    const { text } = readPage(
      proposalPage(approved({ details_text: JSON.stringify({ why: "x".repeat(2_000) }) })),
    );
    expect(text).toContain(`${"x".repeat(500)}…`);
    expect(text).not.toContain("x".repeat(501));
  });

  test("of a run, the decisions of its review", () => {
    const decision = {
      rebalance_run_id: "rr_1",
      decision_no: 1,
      decision_id: "dwd_1",
      action: "APPROVE",
      from_status: "PENDING_REVIEW",
      to_status: "APPROVED",
      reason_code: "LIMITS_CHECKED",
      comment: "fine",
      actor_id: "officer_1",
      authenticated_subject: null,
      actor_folded: null,
      subject_folded: null,
      hash_version: 2,
      segregation_waived: false,
      decided_at: "2026-11-30T08:10:00.000Z",
      correlation_id: "corr_2",
      idempotency_key: null,
      run_correlation_id: "corr_1",
      previous_hash: null,
      decision_hash: "sha256:0",
    } as const;
    const { text } = readPage(
      runPage(runInput(undefined, { review: { status: "APPROVED", decisions: [decision] } })),
    );
    expect(text).toContain("Review: Approved");
    expect(text).toMatch(/Approve Approved officer_1 30 Nov 2026, 08:10:00 UTC Reason: LIMITS_CHECKED/);
  });
});

describe("charts", () => {
  test("show before, after and model of each asset class, in words too", () => {
    const { elements } = readPage(proposalPage(proposalInput()));
    const labels = elements
      .filter(({ tagName }) => tagName === "svg")
      .map((svg) => attribute(svg, "aria-label"));
    expect(labels).toContainEqual(
      expect.stringMatching(/^Allocation by asset class: Model; Equities 60\.00%, /),
    );
    expect(labels).toContainEqual(
      expect.stringMatching(/^before \d\d\.\d\d%, after \d\d\.\d\d%, model 60\.00%$/),
    );
  });

  test("are drawn from zero where a balance is negative, and no whole is made of such parts", () => {
    const page = runPage(runInput(WITH_MANY));
    const { elements } = readPage(page);
    expect(elements.filter((element) => attribute(element, "class") === "stack")).toEqual([]);
    const bars = elements.filter((element) => attribute(element, "class") === "bars");
    expect(bars.length).toBeGreaterThan(50);
    for (const { attrs } of elements.filter(({ tagName }) => tagName === "rect")) {
      for (const { name, value } of attrs) {
        if (name === "width" || name === "x") expect(Number(value)).toBeGreaterThanOrEqual(0);
      }
    }
  });
});

describe("a long table", () => {
  const { text } = readPage(runPage(runInput(WITH_MANY)));

  test("of holdings ends with what the others come to", () => {
    expect(text).toContain("70 others");
    expect(text).toContain(en.allocation.othersNote("50", "120"));
  });

  test("of trades is whole: it is what is approved", () => {
    const ids = Array.from({ length: 120 }, (_, at) => `I_${String(at)}`);
    const request = proposalRequest({
      market_data_snapshot: {
        prices: ids.map((instrument_id) => ({ instrument_id, price: "1", currency: "CHF" })),
        fx_rates: [],
      },
      shelf_entries: ids.map((instrument_id) => ({ instrument_id, status: "APPROVED" })),
      portfolio_snapshot: {
        portfolio_id: "pf_cash",
        base_currency: "CHF",
        positions: [],
        cash_balances: [{ currency: "CHF", amount: "1000" }],
      },
      proposed_trades: ids.map((instrument_id) => ({ side: "BUY", instrument_id, quantity: "2" })),
    });
    const { elements: all } = readPage(proposalPage(proposalInput(request)));
    const orders = all.find((element) => attribute(element, "class") === "orders");
    const body = orders?.childNodes.find(({ nodeName }) => nodeName === "tbody");
    const rows = body !== undefined && "childNodes" in body ? body.childNodes : [];
    expect(rows.filter(({ nodeName }) => nodeName === "tr")).toHaveLength(120);
  });
});

test("a proposal of before, with fewer fields in its documents than today, is reported all the same", () => {
  const input = proposalInput();
  const artifact_text = input.version.artifact_text.replaceAll('"remediation_hint":null,', "");
  expect(artifact_text).not.toBe(input.version.artifact_text);
  expect(readPage(proposalPage({ ...input, version: { ...input.version, artifact_text } })).text).toContain(
    en.allocation.heading,
  );
});

test("amounts of any size keep their digits", () => {
  const amount = "123456789012345678.91";
  const request = proposalRequest({ proposed_cash_flows: [{ currency: "CHF", amount, description: null }] });
  expect(readPage(proposalPage(proposalInput(request))).text).toContain("CHF 123,456,789,012,345,678.91");
});
