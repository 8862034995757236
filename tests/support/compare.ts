import { isJsonNumber } from "../../src/contract/json-number.ts";

/** Made by chance or by the clock, so that no expectation can hold them. */
const VOLATILE = new Set([
  "artifact_id",
  "batch_run_id",
  "correlation_id",
  "created_at",
  "engine_version",
  "hashes",
  "lineage",
  "proposal_run_id",
  "rebalance_run_id",
  "run_at_utc",
  "target_id",
  "universe_id",
]);
const VOLATILE_UNDER: Readonly<Record<string, readonly string[]>> = {
  evidence_bundle: ["inputs", "engine_outputs"],
};

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** Two orders of 28-digit operations may differ by this: one part in 10^18. */
const TOLERANCE = 10n ** 18n;

type Scaled = { readonly coefficient: bigint; readonly exponent: number };

/** The number that a JSON value spells, or null when it spells none. */
function readNumber(value: unknown): Scaled | null {
  const text = isJsonNumber(value) ? value.text : typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return null;
  const [, sign, whole = "", fraction = "", exponent] = DECIMAL.exec(text) ?? [];
  if (whole + fraction === "") return null;
  const coefficient = BigInt(whole + fraction);
  return {
    coefficient: sign === "-" ? -coefficient : coefficient,
    exponent: Number(exponent ?? 0) - fraction.length,
  };
}

function sameNumber(a: Scaled, b: Scaled | null): boolean {
  if (b === null) return false;
  if (a.coefficient === 0n || b.coefficient === 0n) return a.coefficient === b.coefficient;
  if (Math.abs(a.exponent - b.exponent) > 200) return false;
  const exponent = Math.min(a.exponent, b.exponent);
  const left = a.coefficient * 10n ** BigInt(a.exponent - exponent);
  const right = b.coefficient * 10n ** BigInt(b.exponent - exponent);
  return magnitude(left - right) * TOLERANCE <= magnitude(left);
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isJsonNumber(value);
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  return isJsonNumber(value) ? value.text : JSON.stringify(value);
}

/**
 * Where an answer differs from what is expected of it, one line each. Decimals compare as numbers, lists in
 * order; what an answer has beyond the expectation is its own affair.
 */
export function differences(expected: unknown, actual: unknown, path = "$", parent = ""): string[] {
  if (isObject(expected)) return objectDifferences(expected, actual, path, parent);
  if (Array.isArray(expected)) return listDifferences(expected, actual, path, parent);
  return sameLeaf(expected, actual, parent)
    ? []
    : [`${path}: expected ${show(expected)}, got ${show(actual)}`];
}

function objectDifferences(expected: JsonObject, actual: unknown, path: string, parent: string): string[] {
  if (!isObject(actual)) return [`${path}: expected an object, got ${show(actual)}`];
  return Object.keys(expected)
    .filter((key) => !VOLATILE.has(key) && VOLATILE_UNDER[parent]?.includes(key) !== true)
    .flatMap((key) => {
      const value = Object.hasOwn(actual, key) ? actual[key] : undefined;
      const name = parent === "failed_scenarios" ? parent : key;
      return differences(expected[key], value, `${path}.${key}`, name);
    });
}

function listDifferences(
  expected: readonly unknown[],
  actual: unknown,
  path: string,
  parent: string,
): string[] {
  if (!Array.isArray(actual)) return [`${path}: expected a list, got ${show(actual)}`];
  const items: readonly unknown[] = actual;
  const length =
    items.length === expected.length ? [] : [`${path}.length: ${expected.length}, got ${items.length}`];
  const shared = expected.slice(0, items.length);
  return [
    ...length,
    ...shared.flatMap((item, index) => differences(item, items[index], `${path}[${index}]`, parent)),
  ];
}

function sameLeaf(expected: unknown, actual: unknown, parent: string): boolean {
  if (expected === null) return actual === null || actual === undefined;
  // Of a failed scenario only the code is agreed; the sentence after it is free.
  if (parent === "failed_scenarios" && typeof expected === "string") {
    return typeof actual === "string" && actual.startsWith(expected);
  }
  const number = readNumber(expected);
  if (number === null) return expected === actual;
  if (typeof expected !== "string" && typeof actual !== "number" && !isJsonNumber(actual)) return false;
  return sameNumber(number, readNumber(actual));
}
