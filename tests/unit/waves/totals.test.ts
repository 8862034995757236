import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { simulateRebalance } from "../../../src/engine/rebalance/simulate.ts";
import { addExact, exactOf, exactText, NOTHING } from "../../../src/features/waves/core/exact.ts";
import { totalsOf } from "../../../src/features/waves/core/totals.ts";
import { RUN_IDENTITY, rebalanceRequest } from "../../support/rebalance-request.ts";

/** An amount of up to 60 digits, as the engine spells one. */
const amount = fc
  .tuple(fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n }), fc.integer({ min: 0, max: 30 }))
  .map(([units, scale]) => exactText({ units, scale }));

describe("an exact sum", () => {
  it("loses no digit, whatever the sizes of what is added", () => {
    const huge = "123456789012345678.000000000000000000000000000001";
    const sum = [huge, huge, "0.1"].map(exactOf).reduce(addExact, NOTHING);
    expect(exactText(sum)).toBe("246913578024691356.100000000000000000000000000002");
  });

  it("is the same in any order, and what was added can be taken away again", () => {
    fc.assert(
      fc.property(fc.array(amount), (texts) => {
        const sum = (order: readonly string[]) => order.map(exactOf).reduce(addExact, NOTHING);
        const forth = sum(texts);
        expect(sum(texts.toReversed()).units * 10n ** 30n).toBe(forth.units * 10n ** 30n);
        const negated = texts.map((text) => (text.startsWith("-") ? text.slice(1) : `-${text}`));
        expect(sum([...texts, ...negated]).units).toBe(0n);
      }),
    );
  });

  it("is spelled with all its zeros and its sign", () => {
    expect(["0", "-0.05", "12", "-3.10"].map((text) => exactText(exactOf(text)))).toEqual([
      "0",
      "-0.05",
      "12",
      "-3.10",
    ]);
  });
});

describe("the totals of runs", () => {
  const bought = simulateRebalance(
    rebalanceRequest([
      { id: "A", quantity: "100", target: "0.5" },
      { id: "B", target: "0.3", currency: "USD" },
    ]),
    RUN_IDENTITY,
  );
  const sold = simulateRebalance(
    rebalanceRequest(
      [
        {
          id: "A",
          quantity: "4000",
          target: "0.2",
          lots: [
            {
              lot_id: "1",
              quantity: "4000",
              unit_cost: { amount: "0.5", currency: "EUR" },
              purchase_date: "2020-01-01",
            },
          ],
        },
      ],
      { enable_tax_awareness: true },
    ),
    RUN_IDENTITY,
  );
  const lines = totalsOf([bought, sold, sold])
    .map(({ measure, label, currency, amount, quantity, count }) =>
      [measure, label, currency, amount, quantity, String(count)].filter((text) => text !== "").join(" "),
    )
    .toSorted();

  it("are sums by currency, of trades by side and instrument, and count what they add", () => {
    const sells = sold.intents.find((intent) => intent.intent_type === "SECURITY_TRADE");
    expect(sells).toMatchObject({ side: "SELL", instrument_id: "A" });
    expect(lines).toEqual([
      "BUY A EUR 450 450 1",
      "BUY B EUR 330 660 1",
      "CASH_AFTER EUR 8216.7 0 3",
      "CASH_AFTER USD 6.6 0 1",
      "CASH_BEFORE EUR 3000 0 3",
      "FX_BOUGHT USD 666.6 0 1",
      "FX_SOLD EUR 333.3 0 1",
      "REALIZED_GAIN EUR 3000 0 2",
      "REALIZED_LOSS EUR 0 0 2",
      "SELL A EUR 6000 6000 2",
      "TURNOVER EUR 6780 0 4",
    ]);
  });
});
