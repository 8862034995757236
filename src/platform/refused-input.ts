import type { Fault } from "../contract/faults.ts";

/** An input that passed its contract and cannot be calculated all the same: what is wrong with it, and where. */
export type RefusedInput = { readonly kind: "refused_input"; readonly faults: readonly Fault[] };

/** Undefined where nothing is wrong. `within` is the path of the input in its body. */
export function refusedInput(
  faults: readonly Fault[],
  within: readonly string[] = [],
): RefusedInput | undefined {
  if (faults.length === 0) return undefined;
  return {
    kind: "refused_input",
    faults: faults.map((fault) => ({ ...fault, path: [...within, ...fault.path] })),
  };
}

export function isRefusedInput(made: unknown): made is RefusedInput {
  return typeof made === "object" && made !== null && "kind" in made && made.kind === "refused_input";
}

/** The first fault as a sentence that begins with its code. */
export function sentenceOf({ faults: [first] }: RefusedInput): string {
  return first === undefined ? "VALIDATION_FAILED" : `${first.code}: ${first.path.join(".")} ${first.msg}`;
}
