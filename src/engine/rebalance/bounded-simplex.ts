import { isSpent, spend, type Effort } from "./effort.ts";

/**
 * Maximize Σ x over x with A·x ≤ limits and 0 ≤ x ≤ upper, all integers, with limits and upper bounds not below zero: so
 * x = 0 is a solution to start from. `columns` has, for each x, the rows in which it has the coefficient one.
 */
export type PackingProgram = {
  readonly columns: readonly (readonly number[])[];
  readonly limits: readonly bigint[];
  readonly upper: readonly bigint[];
};

/** The values of x and the prices of the rows, numerators over one positive denominator. */
export type ProgramSolution = {
  readonly values: readonly bigint[];
  readonly prices: readonly bigint[];
  readonly denominator: bigint;
};

/**
 * A dictionary in integers: each basic variable is its last entry less the sum of entry × nonbasic variable, all over the
 * denominator. The last row is the objective with its sign reversed. A variable that is at its upper bound is replaced by
 * what is missing to it (`isFlipped`), so that nonbasic variables are zero. Variables are first x, then the slacks.
 */
type Dictionary = {
  readonly rows: bigint[][];
  readonly basic: number[];
  readonly nonbasic: number[];
  readonly isFlipped: boolean[];
  readonly upperOf: (variable: number) => bigint | null;
  denominator: bigint;
};

/** About how many operations it costs to change one long integer of the dictionary. */
const ENTRY_OPERATIONS = 200;

/**
 * The simplex method with bounded variables and Bland's rule, which cannot cycle; exact, as pivots divide without a
 * remainder (Bareiss). Null when the operations are spent.
 */
export function maximizePacking(program: PackingProgram, effort: Effort): ProgramSolution | null {
  const dictionary = firstDictionary(program);
  const size = (program.limits.length + 1) * (program.columns.length + 1);
  for (;;) {
    const column = enteringColumn(dictionary);
    if (column === undefined) return solutionOf(program, dictionary);
    if (isSpent(effort)) return null;
    spend(effort, size * ENTRY_OPERATIONS);
    step(dictionary, column);
  }
}

function firstDictionary({ columns, limits, upper }: PackingProgram): Dictionary {
  const rows = limits.map((limit) => [...columns.map(() => 0n), limit]);
  columns.forEach((inRows, column) => {
    for (const row of inRows) {
      const entries = rows[row];
      if (entries !== undefined) entries[column] = 1n;
    }
  });
  rows.push([...columns.map(() => -1n), 0n]);
  return {
    rows,
    basic: limits.map((_, row) => columns.length + row),
    nonbasic: columns.map((_, column) => column),
    isFlipped: [...columns, ...limits].map(() => false),
    upperOf: (variable) => upper[variable] ?? null,
    denominator: 1n,
  };
}

/** The first variable, by its number, that raises the objective. */
function enteringColumn({ nonbasic, rows }: Dictionary): number | undefined {
  const objective = rows.at(-1) ?? [];
  let found: number | undefined;
  nonbasic.forEach((variable, column) => {
    if ((objective[column] ?? 0n) >= 0n) return;
    if (found === undefined || variable < (nonbasic[found] ?? 0)) found = column;
  });
  return found;
}

/** Where the entering variable stops: at its own upper bound (row null), or where a basic variable is at one of its. */
type Stop = {
  readonly row: number | null;
  readonly variable: number;
  readonly isAtUpper: boolean;
  readonly numerator: bigint;
  readonly denominator: bigint;
};

function step(dictionary: Dictionary, column: number): void {
  const stop = firstStop(dictionary, column);
  if (stop === undefined) throw new Error("a packing program without a bound");
  if (stop.row === null) {
    flipNonbasic(dictionary, column);
    return;
  }
  if (stop.isAtUpper) flipBasic(dictionary, stop.row);
  pivot(dictionary, stop.row, column);
}

function firstStop(
  { basic, denominator, nonbasic, rows, upperOf }: Dictionary,
  column: number,
): Stop | undefined {
  const entering = nonbasic[column] ?? 0;
  const own = upperOf(entering);
  let first: Stop | undefined =
    own === null
      ? undefined
      : { row: null, variable: entering, isAtUpper: true, numerator: own, denominator: 1n };
  basic.forEach((variable, row) => {
    const entries = rows[row] ?? [];
    const entry = entries[column] ?? 0n;
    const value = entries.at(-1) ?? 0n;
    const upper = upperOf(variable);
    if (entry > 0n) {
      first = earlier(first, { row, variable, isAtUpper: false, numerator: value, denominator: entry });
    } else if (entry < 0n && upper !== null) {
      const numerator = upper * denominator - value;
      first = earlier(first, { row, variable, isAtUpper: true, numerator, denominator: -entry });
    }
  });
  return first;
}

function earlier(a: Stop | undefined, b: Stop): Stop {
  if (a === undefined) return b;
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  if (difference !== 0n) return difference < 0n ? a : b;
  return a.variable < b.variable ? a : b;
}

function flipNonbasic(dictionary: Dictionary, column: number): void {
  const { isFlipped, nonbasic, rows, upperOf } = dictionary;
  const variable = nonbasic[column] ?? 0;
  const upper = upperOf(variable) ?? 0n;
  for (const entries of rows) {
    const entry = entries[column] ?? 0n;
    const last = entries.length - 1;
    entries[last] = (entries[last] ?? 0n) - entry * upper;
    entries[column] = -entry;
  }
  isFlipped[variable] = isFlipped[variable] === false;
}

function flipBasic({ basic, denominator, isFlipped, rows, upperOf }: Dictionary, row: number): void {
  const variable = basic[row] ?? 0;
  const entries = rows[row] ?? [];
  const last = entries.length - 1;
  const value = entries[last] ?? 0n;
  entries.forEach((entry, column) => (entries[column] = -entry));
  entries[last] = (upperOf(variable) ?? 0n) * denominator - value;
  isFlipped[variable] = isFlipped[variable] === false;
}

/** Exchanges a basic and a nonbasic variable. */
function pivot(dictionary: Dictionary, row: number, column: number): void {
  const { basic, denominator, nonbasic, rows } = dictionary;
  const pivotRow = rows[row] ?? [];
  const element = pivotRow[column] ?? 1n;
  rows.forEach((entries, index) => {
    if (index === row) return;
    const factor = entries[column] ?? 0n;
    entries.forEach((entry, at) => {
      if (at !== column) entries[at] = (entry * element - factor * (pivotRow[at] ?? 0n)) / denominator;
    });
    entries[column] = -factor;
  });
  pivotRow[column] = denominator;
  const leaving = basic[row] ?? 0;
  basic[row] = nonbasic[column] ?? 0;
  nonbasic[column] = leaving;
  dictionary.denominator = element;
}

function solutionOf({ columns, limits }: PackingProgram, dictionary: Dictionary): ProgramSolution {
  const { basic, denominator, isFlipped, nonbasic, rows, upperOf } = dictionary;
  const found = new Map(basic.map((variable, row) => [variable, rows[row]?.at(-1) ?? 0n]));
  const values = columns.map((_, variable) => {
    const value = found.get(variable) ?? 0n;
    return isFlipped[variable] === true ? (upperOf(variable) ?? 0n) * denominator - value : value;
  });
  const objective = rows.at(-1) ?? [];
  const prices = limits.map(() => 0n);
  nonbasic.forEach((variable, column) => {
    if (variable >= columns.length) prices[variable - columns.length] = objective[column] ?? 0n;
  });
  return { values, prices, denominator };
}
