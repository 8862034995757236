import type { RebalanceRequest } from "../../src/contract/rebalance.ts";
import { decimal } from "../../src/decimal/decimal.ts";
import { fill, type FillLimit } from "../../src/engine/rebalance/fill.ts";
import { simulateRebalance } from "../../src/engine/rebalance/simulate.ts";
import { ENGINE_IDENTITY, readRequest } from "./engine.ts";
import { simulateBody } from "./portfolio.ts";

const SIZES = [100, 1000, 5000];
const BATCHES = 9;

export type RulesFigure = {
  readonly what: string;
  readonly positions: number;
  /** Processor time of one run under each version, divided by its positions. */
  readonly firstMicrosPerPosition: number;
  readonly secondMicrosPerPosition: number;
};

type Body = ReturnType<typeof simulateBody>;
type Kind = { readonly what: string; readonly change: (body: Body) => Readonly<Record<string, unknown>> };

const SECTOR_LIMITS = { "sector:TECH": { max_weight: "0.15" }, "sector:HEALTH": { max_weight: "0.18" } };
const GROUPS = { ...SECTOR_LIMITS, "region:R1": { max_weight: "0.12" }, "region:R3": { max_weight: "0.13" } };

const KINDS: readonly Kind[] = [
  { what: "no limits", change: (body) => ({ ...body, options: {} }) },
  { what: "a turnover cap", change: (body) => body },
  {
    what: "groups that overlap, HEURISTIC",
    change: (body) => ({ ...withRegions(body), options: { group_constraints: GROUPS } }),
  },
  {
    what: "groups that overlap, SOLVER",
    change: (body) => ({
      ...withRegions(body),
      options: { group_constraints: GROUPS, target_method: "SOLVER" },
    }),
  },
  {
    what: "four lots each, within a gains budget",
    change: (body) => ({
      ...withLots(body),
      options: { enable_tax_awareness: true, max_realized_capital_gains: "100000000" },
    }),
  },
];

/** Both rules versions, turn by turn, so that whatever else the machine does meets both alike. */
export function benchRules(): RulesFigure[] {
  return KINDS.flatMap(({ change, what }) =>
    SIZES.map((positions): RulesFigure => {
      const request = readRequest(Buffer.from(JSON.stringify(change(simulateBody(positions))), "utf8"));
      const runs = (["1", "2"] as const).map((version) => runOf(request, version));
      const [first = Number.NaN, second = Number.NaN] = medianMicros(runs, Math.ceil(5000 / positions));
      return {
        what,
        positions,
        firstMicrosPerPosition: first / positions,
        secondMicrosPerPosition: second / positions,
      };
    }),
  );
}

function runOf(request: RebalanceRequest, rules_version: "1" | "2"): () => void {
  const asked = { ...request, options: { ...request.options, rules_version } };
  return () => void simulateRebalance(asked, ENGINE_IDENTITY);
}

function withRegions(body: Body) {
  return {
    ...body,
    shelf_entries: body.shelf_entries.map((entry, at) => ({
      ...entry,
      attributes: { ...entry.attributes, region: `R${at % 7}` },
    })),
  };
}

function withLots(body: Body) {
  const { portfolio_snapshot: held } = body;
  return {
    ...body,
    portfolio_snapshot: {
      ...held,
      positions: held.positions.map((position, at) => {
        const part = Math.floor(Number(position.quantity) / 4);
        const parts = [part, part, part, Number(position.quantity) - 3 * part];
        const lots = parts.map((quantity, lot) => ({
          lot_id: `L${lot}`,
          purchase_date: `202${lot}-03-31`,
          quantity: String(quantity),
          unit_cost: { amount: String(10 + ((at * 31 + lot * 17) % 150)), currency: "USD" },
        }));
        return { ...position, lots };
      }),
    },
  };
}

export type FillFigure = {
  readonly instruments: number;
  readonly groupsOfEach: number;
  readonly groups: number;
  readonly micros: number;
};

const GROUPS_OF_EACH = [1, 4, 16];
const VALUES = 6;

/** Progressive filling alone: how its work grows with instruments and with the groups that each is in. */
export function benchFill(): FillFigure[] {
  return [1000, 5000, 20_000].flatMap((instruments) =>
    GROUPS_OF_EACH.map((groupsOfEach): FillFigure => {
      const start = Array.from({ length: instruments }, (_, at) => decimal(`${20 + ((at * 37) % 180)}e-7`));
      const limits = limitsOf(instruments, groupsOfEach);
      const [micros = Number.NaN] = medianMicros(
        [() => void fill(start, limits, decimal("190e-7"))],
        Math.ceil(20_000 / instruments),
      );
      return { instruments, groupsOfEach, groups: limits.length, micros };
    }),
  );
}

/** Each attribute sorts all instruments into its values; each value may have some of what it has at the start. */
function limitsOf(instruments: number, attributes: number): FillLimit[] {
  return Array.from({ length: attributes * VALUES }, (_, group) => {
    const [attribute, value] = [Math.floor(group / VALUES), group % VALUES];
    const members = [...Array(instruments).keys()].filter(
      (at) => Math.floor(at / (attribute + 1) + at / 7) % VALUES === value,
    );
    const share = 0.5 + ((group * 29) % 60) / 100;
    return { members, room: decimal(`${Math.round(members.length * 110 * share)}e-7`) };
  });
}

/** Processor time of each of these in microseconds, the median of several turns after a warm-up. */
function medianMicros(works: readonly (() => void)[], calls: number): number[] {
  const turns = Array.from({ length: BATCHES + 1 }, () =>
    works.map((work) => {
      const before = process.cpuUsage();
      for (let call = 0; call < calls; call += 1) work();
      const { system, user } = process.cpuUsage(before);
      return (user + system) / calls;
    }),
  ).slice(1);
  return works.map((_, index) => {
    const sorted = turns.map((turn) => turn[index] ?? Number.NaN).sort((a, b) => a - b);
    return sorted[Math.floor(BATCHES / 2)] ?? Number.NaN;
  });
}
