import { decimal, type Decimal } from "../../src/decimal/decimal.ts";
import { projectTargets, type ProjectionProblem } from "../../src/engine/rebalance/projection.ts";

/** The largest problem that a request may hold has 5,000 instruments and 100 group constraints. */
const SIZES: readonly (readonly [instruments: number, caps: number])[] = [
  [1000, 25],
  [1000, 50],
  [1000, 100],
  [5000, 25],
  [5000, 50],
  [5000, 100],
];
/** Weights are whole numbers of this many decimals. */
const DECIMALS = 8;
const WHOLE = 10 ** DECIMALS;
const CALLS = 5;

export type SolverFigure = {
  readonly what: string;
  readonly instruments: number;
  readonly caps: number;
  readonly outcome: string;
  /** Processor time, as on one core that does nothing else. In the first rows the code is not compiled yet. */
  readonly firstSeconds: number;
  readonly medianSeconds: number;
};

type Cap = { readonly members: readonly number[]; readonly share: number };

/** What the group constraints of a row look like. `share` is a cap's part of what its members have in the model. */
type Kind = {
  readonly what: string;
  readonly minimumSum: number;
  readonly caps: (instruments: number, count: number, random: () => number) => Cap[];
};

const KINDS: readonly Kind[] = [
  {
    what: "values of six attributes, some caps binding",
    minimumSum: 0.9,
    caps: (instruments, count, random) => attributeCaps(instruments, count, random, [0.9, 1.2]),
  },
  {
    what: "values of six attributes, all caps binding",
    minimumSum: 0.5,
    caps: (instruments, count, random) => attributeCaps(instruments, count, random, [0.85, 0.85]),
  },
  {
    what: "every instrument in nearly every group",
    minimumSum: 0.3,
    caps: (instruments, count, random) => randomCaps(instruments, count, random, 0.9, [0.8, 0.82]),
  },
  {
    what: "groups that differ by a hundredth of their members",
    minimumSum: 0.5,
    caps: (instruments, count, random) => parallelCaps(instruments, count, random),
  },
  {
    what: "values of six attributes, infeasible",
    minimumSum: 0.97,
    caps: (instruments, count, random) => attributeCaps(instruments, count, random, [0.9, 1.0]),
  },
];

/** The projection of a model onto its constraints, the work of the target method SOLVER. */
export function benchSolver(): SolverFigure[] {
  return KINDS.flatMap((kind) => SIZES.map(([instruments, caps]) => measure(kind, instruments, caps)));
}

function measure(kind: Kind, instruments: number, count: number): SolverFigure {
  const problem = problemOf(kind, instruments, count);
  const seconds: number[] = [];
  let outcome = "";
  for (let call = 0; call < CALLS; call += 1) {
    const before = process.cpuUsage();
    ({ outcome } = projectTargets(problem));
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
  }
  const [firstSeconds = Number.NaN] = seconds;
  const medianSeconds = [...seconds].sort((a, b) => a - b)[Math.floor(CALLS / 2)] ?? Number.NaN;
  return { what: kind.what, instruments, caps: problem.caps.length, outcome, firstSeconds, medianSeconds };
}

/** Uneven model weights that add up to 0.97, with single positions limited to four times the average. */
function problemOf({ minimumSum, caps }: Kind, instruments: number, count: number): ProjectionProblem {
  const random = numbers(instruments + count);
  const parts = Array.from({ length: instruments }, () => 0.05 + random() ** 3);
  const total = parts.reduce((sum, part) => sum + part, 0);
  const weights = parts.map((part) => Math.round((0.97 * WHOLE * part) / total));
  return {
    targets: weights.map((weight, at) => [idOf(at), scaled(weight)]),
    minimumSum: decimal(String(minimumSum)),
    maximumSum: decimal("0.99"),
    maximumWeight: scaled(Math.round((4 * WHOLE) / instruments)),
    caps: caps(instruments, count, random).map(({ members, share }) => ({
      members: members.map(idOf),
      maximum: scaled(Math.round(share * members.reduce((sum, at) => sum + (weights[at] ?? 0), 0))),
    })),
  };
}

/** Each attribute sorts all instruments into its values; some values are much more frequent than others. */
function attributeCaps(
  instruments: number,
  count: number,
  random: () => number,
  [least, most]: readonly [number, number],
): Cap[] {
  const valuesOf = [0.32, 0.24, 0.2, 0.12, 0.08, 0.04].map((part) => Math.round(part * count));
  return valuesOf.flatMap((values) => {
    const groups = Array.from({ length: values }, (): number[] => []);
    for (let at = 0; at < instruments; at += 1) groups[Math.floor(random() ** 1.5 * values)]?.push(at);
    return groups.map((members) => ({ members, share: least + (most - least) * random() }));
  });
}

function randomCaps(
  instruments: number,
  count: number,
  random: () => number,
  density: number,
  [least, most]: readonly [number, number],
): Cap[] {
  return Array.from({ length: count }, () => ({
    members: [...Array(instruments).keys()].filter(() => random() < density),
    share: least + (most - least) * random(),
  }));
}

function parallelCaps(instruments: number, count: number, random: () => number): Cap[] {
  const half = [...Array(instruments).keys()].filter(() => random() < 0.5);
  return Array.from({ length: count }, (_, cap) => ({
    members: half.filter((__, at) => at % (count + 1) !== cap),
    share: 0.8 + 0.002 * random(),
  }));
}

function idOf(at: number): string {
  return `EQ_${String(at).padStart(5, "0")}`;
}

function scaled(weight: number): Decimal {
  return decimal(`${weight}e-${DECIMALS}`);
}

/** Numbers between zero and one that look random and are the same every time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
