import { describe, expect, test } from "vitest";
import { decimal } from "../../../../src/decimal/decimal.ts";
import { explainInfeasibility, type Infeasibility } from "../../../../src/engine/rebalance/infeasibility.ts";
import { projectTargets } from "../../../../src/engine/rebalance/projection.ts";
import { oracle } from "../../../support/oracles.ts";
import {
  manyCaps,
  name,
  problems,
  reference,
  toProblem,
  type Thousandths,
} from "../../../support/projection-problems.ts";

const LOWEST = -1_000_000;
const HIGHEST = 1_000_000;

const capName = (index: number): string => `group:${index}`;

/** Caps below zero do not come to the explanation: what locked holdings break by themselves is 0 there. */
function withRoom(problem: Thousandths): Thousandths {
  return { ...problem, caps: problem.caps.map((cap) => ({ ...cap, maximum: Math.max(0, cap.maximum) })) };
}

function explain(problem: Thousandths, most = 5e9): Infeasibility | undefined {
  const { caps, maximumSum, maximumWeight, minimumSum } = toProblem(problem);
  return explainInfeasibility(
    {
      caps: caps.map((cap, index) => ({ ...cap, name: capName(index) })),
      instruments: problem.targets.map((_, index) => name(index)),
      maximumSum,
      maximumWeight,
      minimumSum,
    },
    { spent: 0, most },
  );
}

/** The problem with some of its limits only. */
function only(problem: Thousandths, names: ReadonlySet<string>): Thousandths {
  return {
    ...problem,
    caps: problem.caps.filter((_, index) => names.has(capName(index))),
    maximumSum: names.has("CASH_BAND_MIN") ? problem.maximumSum : HIGHEST,
    maximumWeight: names.has("SINGLE_POSITION_MAX") ? problem.maximumWeight : null,
    minimumSum: names.has("CASH_BAND_MAX") ? problem.minimumSum : LOWEST,
  };
}

/** The problem with one limit eased by so many thousandths. */
function eased(problem: Thousandths, constraint: string, by: number): Thousandths {
  return {
    ...problem,
    caps: problem.caps.map((cap, index) =>
      capName(index) === constraint ? { ...cap, maximum: cap.maximum + by } : cap,
    ),
    maximumSum: problem.maximumSum + (constraint === "CASH_BAND_MIN" ? by : 0),
    maximumWeight:
      problem.maximumWeight === null
        ? null
        : problem.maximumWeight + (constraint === "SINGLE_POSITION_MAX" ? by : 0),
    minimumSum: problem.minimumSum - (constraint === "CASH_BAND_MAX" ? by : 0),
  };
}

/** What the judge, which calculates in doubles, sees of a change. */
const VISIBLE = 0.01;

function judge(problem: Thousandths): void {
  if (projectTargets(toProblem(problem)).outcome !== "INFEASIBLE") return;
  const found = explain(problem);
  if (found === undefined) throw new Error("the operations are spent");
  const { conflict, relaxations } = found;
  expect(reference(only(problem, new Set(conflict)))).toBeNull();
  for (const left of conflict) {
    expect(reference(only(problem, new Set(conflict.filter((member) => member !== left))))).not.toBeNull();
  }
  expect(Object.keys(relaxations).sort()).toEqual([...conflict].sort());
  for (const [constraint, change] of Object.entries(relaxations)) {
    if (change === null) {
      // Without the limit altogether the rest still contradicts itself.
      expect(reference(eased(problem, constraint, HIGHEST))).toBeNull();
      continue;
    }
    const by = Number(change) * 1000;
    expect(reference(eased(problem, constraint, by + VISIBLE))).not.toBeNull();
    if (by > VISIBLE) expect(reference(eased(problem, constraint, by - VISIBLE))).toBeNull();
  }
}

describe("of limits that cannot hold together", () => {
  oracle("the conflict is irreducible and each relaxation the smallest", problems.map(withRoom), judge, 4);
  oracle("so it is with many overlapping groups", manyCaps, judge);
});

describe("the conflict", () => {
  const problem = (changes: Partial<Thousandths>): Thousandths => ({
    caps: [],
    maximumSum: 1000,
    maximumWeight: null,
    minimumSum: 900,
    targets: [400, 300, 200],
    ...changes,
  });

  test("is a limit below zero alone", () => {
    expect(explain(problem({ maximumWeight: -10 }))).toEqual({
      conflict: ["SINGLE_POSITION_MAX"],
      relaxations: { SINGLE_POSITION_MAX: "0.31" },
    });
    expect(explain(problem({ maximumSum: -10, minimumSum: -20 }))).toEqual({
      conflict: ["CASH_BAND_MIN"],
      relaxations: { CASH_BAND_MIN: "0.01" },
    });
  });

  test("is the cash band where its ends are the wrong way round", () => {
    expect(explain(problem({ maximumSum: 800 }))).toEqual({
      conflict: ["CASH_BAND_MAX", "CASH_BAND_MIN"],
      relaxations: { CASH_BAND_MAX: "0.1", CASH_BAND_MIN: "0.1" },
    });
  });

  test("names a change that is no decimal rounded up, so that it is enough", () => {
    // Three weights of at most u have to be 1 together: u = 1/3.
    const found = explain(problem({ maximumWeight: 300, minimumSum: 1000 }));
    expect(found?.relaxations["SINGLE_POSITION_MAX"]).toBe("0.033333333333333333333333333334");
  });

  test("has no relaxation where one limit alone cannot help", () => {
    // A and B are 0.2 at most each; C 0.1: 0.5 of 0.9, and none of the three alone gives 0.4 more, but C may.
    const caps = [
      { members: [0, 1, 2], maximum: 500 },
      { members: [2], maximum: 100 },
    ];
    const found = explain(problem({ caps, maximumWeight: 200 }));
    expect(found?.conflict).toEqual(["CASH_BAND_MAX", "SINGLE_POSITION_MAX"]);
    expect(found?.relaxations).toEqual({ CASH_BAND_MAX: "0.4", SINGLE_POSITION_MAX: null });
  });

  test("is not told when the operations are spent", () => {
    expect(explain(problem({ caps: [{ members: [0, 1, 2], maximum: 500 }] }), 0)).toBeUndefined();
  });

  test("compares exactly: a billionth of a billionth is a contradiction", () => {
    const found = explainInfeasibility(
      {
        caps: [{ maximum: decimal("0.899999999999999999"), members: ["A", "B"], name: "sector:X" }],
        instruments: ["A", "B"],
        maximumSum: decimal("1"),
        maximumWeight: null,
        minimumSum: decimal("0.9"),
      },
      { spent: 0, most: 5e9 },
    );
    expect(found?.relaxations).toEqual({
      CASH_BAND_MAX: "0.000000000000000001",
      "sector:X": "0.000000000000000001",
    });
  });
});
