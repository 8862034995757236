import type { EngineOptions } from "../../contract/options.ts";
import type { RunStatus } from "../../contract/rules.ts";
import type { Arithmetic } from "../../decimal/arithmetic.ts";
import { compare, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { emptyDiagnostics, type Diagnostics } from "../diagnostics.ts";
import { compareCodePoints } from "../order.ts";
import type { TargetChooser, TargetOutcome, TargetProblem } from "./targets.ts";

type MethodName = EngineOptions["target_method"];

/** How the requested target method and the other one differ on the same universe. */
export type TargetMethodComparison = {
  readonly alternate_method: MethodName;
  readonly alternate_status: RunStatus;
  readonly alternate_warnings: readonly string[];
  readonly differing_instruments: readonly string[];
  readonly primary_method: MethodName;
  readonly primary_status: RunStatus;
  readonly tolerance: string;
};

/** How a rules version chooses targets. */
export type TargetMethods = Readonly<Record<MethodName, TargetChooser>>;

const ALTERNATE: Readonly<Record<MethodName, MethodName>> = { HEURISTIC: "SOLVER", SOLVER: "HEURISTIC" };

export type ChosenTargets = {
  readonly outcome: TargetOutcome;
  /** Null unless the options ask for it. */
  readonly comparison: TargetMethodComparison | null;
};

/**
 * Runs the requested target method; if the options ask for a comparison, the other one too, with separate
 * diagnostics.
 */
export function chooseTargets(
  problem: TargetProblem,
  methods: TargetMethods,
  diagnostics: Diagnostics,
): ChosenTargets {
  const { target_method: method, compare_target_methods: comparing } = problem.options;
  const outcome = methods[method](problem, diagnostics);
  if (!comparing) return { outcome, comparison: null };
  const comparison = compareMethods(problem, methods, method, outcome);
  if (comparison.primary_status !== comparison.alternate_status) {
    diagnostics.warnings.push("TARGET_METHOD_STATUS_DIVERGENCE");
  }
  if (comparison.differing_instruments.length > 0) {
    diagnostics.warnings.push("TARGET_METHOD_WEIGHT_DIVERGENCE");
  }
  return { outcome, comparison };
}

function compareMethods(
  problem: TargetProblem,
  methods: TargetMethods,
  primaryMethod: MethodName,
  primary: TargetOutcome,
): TargetMethodComparison {
  const alternateMethod = ALTERNATE[primaryMethod];
  const diagnostics = emptyDiagnostics();
  const alternate = methods[alternateMethod](problem, diagnostics);
  const tolerance = problem.options.compare_target_methods_tolerance;
  return {
    alternate_method: alternateMethod,
    alternate_status: alternate.status,
    alternate_warnings: [...new Set(diagnostics.warnings)].sort(compareCodePoints),
    differing_instruments: differingInstruments(
      primary.weights,
      alternate.weights,
      tolerance,
      problem.lookups.arithmetic,
    ),
    primary_method: primaryMethod,
    primary_status: primary.status,
    tolerance: toText(tolerance),
  };
}

/** An instrument without a weight in one of the outcomes counts as zero there. */
function differingInstruments(
  a: TargetOutcome["weights"],
  b: TargetOutcome["weights"],
  tolerance: Decimal,
  { absolute, subtract }: Arithmetic,
): string[] {
  const differs = (instrument: string): boolean => {
    const difference = absolute(subtract(a.get(instrument) ?? ZERO, b.get(instrument) ?? ZERO));
    return compare(difference, tolerance) > 0;
  };
  return [...new Set([...a.keys(), ...b.keys()])].filter(differs).sort(compareCodePoints);
}
