import { describe, expect, test } from "vitest";
import { ProposalCreateRequest } from "../../../src/features/proposals/request-schemas.ts";
import { ProposalStateTransitionRequest } from "../../../src/features/proposals/schemas.ts";
import { RebalanceRequest } from "../../../src/contract/rebalance.ts";
import { canonicalJson } from "../../../src/platform/json/canonical-json.ts";
import { accepted, placesOf, position, proposalBody, raw, rebalanceBody, refused } from "./bodies.ts";

describe("unknown fields", () => {
  function bodyWithUnknownFields() {
    const body = rebalanceBody();
    return {
      ...body,
      extra: { deep: [1] },
      options: { max_turnover: "0.1", suitability_thresholds: { issuer_max: "0.1" } },
      portfolio_snapshot: {
        ...body.portfolio_snapshot,
        positions: [{ ...position(), note: "x", kind: "y" }],
      },
    };
  }

  test("each is refused at its own path, at every level, with the nearest known name", () => {
    const faults = refused(RebalanceRequest, bodyWithUnknownFields());
    expect(placesOf(faults).toSorted()).toEqual([
      "extra: UNKNOWN_FIELD",
      "options.max_turnover: UNKNOWN_FIELD",
      "options.suitability_thresholds.issuer_max: UNKNOWN_FIELD",
      "portfolio_snapshot.positions.0.kind: UNKNOWN_FIELD",
      "portfolio_snapshot.positions.0.note: UNKNOWN_FIELD",
    ]);
    const messages = faults.map(({ msg }) => msg);
    expect(messages).toContain("is not a known field; the nearest known name is max_turnover_pct");
    expect(messages).toContain("is not a known field; the nearest known name is issuer_max_weight");
  });

  test("`__proto__` is an unknown field like any other", () => {
    const text = JSON.stringify(rebalanceBody()).replace(
      '"options":{}',
      '"options":{"__proto__":{"allow_restricted":true}}',
    );
    expect(placesOf(refused(RebalanceRequest, JSON.parse(text)))).toEqual([
      "options.__proto__: UNKNOWN_FIELD",
    ]);
  });

  test("ignored, they leave no trace in what is read and hashed", () => {
    const read = accepted(RebalanceRequest, bodyWithUnknownFields(), "ignore");
    expect(canonicalJson(read)).toBe(canonicalJson(accepted(RebalanceRequest, rebalanceBody())));
  });

  test("ignored, they hide no other fault", () => {
    const body = { ...bodyWithUnknownFields(), shelf_entries: null };
    expect(placesOf(refused(RebalanceRequest, body, "ignore"))).toEqual(["shelf_entries: WRONG_TYPE"]);
  });

  test("ignored, a great many of them are dropped too", () => {
    const body = rebalanceBody();
    body.portfolio_snapshot.positions = Array.from({ length: 5_000 }, () => ({ ...position(), note: "x" }));
    expect(accepted(RebalanceRequest, body, "ignore").portfolio_snapshot.positions).toHaveLength(5_000);
    expect(refused(RebalanceRequest, body)).toHaveLength(5_000);
  });
});

describe("many faults", () => {
  test("are all listed, each at its own path", () => {
    const body = rebalanceBody();
    body.portfolio_snapshot.positions = Array.from({ length: 1_000 }, () => ({ quantity: "x" }));
    const faults = refused(RebalanceRequest, body);
    expect(faults).toHaveLength(2_000);
    expect(new Set(placesOf(faults)).size).toBe(2_000);
  });

  test("beyond all measure end the reading early, with a note that there are more", () => {
    const body = rebalanceBody();
    body.portfolio_snapshot.positions = Array.from({ length: 300 }, () => ({ lots: Array(1_000).fill({}) }));
    const codes = refused(RebalanceRequest, body).map(({ code }) => code);
    expect(codes.length).toBeLessThan(10);
    expect(codes).toContain("REQUIRED");
    expect(codes.at(-1)).toBe("MORE_FAULTS");
  });
});

describe("lifecycle requests", () => {
  const transition = { event_type: "CANCELLED", actor_id: "a1" };

  test("free objects keep their numbers, and those have the limits of decimals", () => {
    const { reason } = accepted(ProposalStateTransitionRequest, {
      ...transition,
      reason: { score: raw("0.10"), nested: [{ n: raw("1E2") }] },
    });
    expect(canonicalJson(reason)).toBe('{"nested":[{"n":100}],"score":0.1}');
    expect(
      placesOf(refused(ProposalStateTransitionRequest, { ...transition, reason: { a: [raw("1e99")] } })),
    ).toEqual(["reason: OUT_OF_RANGE"]);
  });

  test.each([null, "x", [], raw("1")])("%j is no reason", (reason) => {
    expect(placesOf(refused(ProposalStateTransitionRequest, { ...transition, reason }))).toEqual([
      "reason: WRONG_TYPE",
    ]);
  });

  test("what is left out has its default", () => {
    expect(accepted(ProposalStateTransitionRequest, transition)).toEqual({
      ...transition,
      related_version_no: null,
      reason: {},
      expected_state: null,
    });
  });

  test("faults inside the simulation of a proposal have their whole path", () => {
    const simulate_request = { ...proposalBody(), proposed_trades: [{ side: "BUY", instrument_id: "E" }] };
    expect(placesOf(refused(ProposalCreateRequest, { created_by: "", simulate_request }))).toEqual([
      "created_by: EMPTY",
      "simulate_request.proposed_trades.0: PROPOSAL_INVALID_TRADE_INPUT",
    ]);
  });
});
