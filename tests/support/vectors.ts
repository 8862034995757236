import { readFileSync } from "node:fs";
import { isJsonNumber } from "../../src/contract/json-number.ts";
import { readJsonBody, type JsonTree } from "../../src/platform/json/read-json.ts";

/** A worked example: what is asked and what has to come out. Numbers keep the digits they were written with. */
export type Vector = {
  readonly id: string;
  readonly title: string;
  /** Where a refused body is sent; the other files each belong to one endpoint. */
  readonly endpoint?: string;
  readonly request: JsonTree;
  readonly expected: JsonTree;
};

/** The worked examples of one file under `tests/fixtures/vectors/`. */
export function readVectors(name: string): Vector[] {
  const body = readJsonBody(readFileSync(new URL(`../fixtures/vectors/${name}.json`, import.meta.url)));
  if (!body.ok) throw new Error(`${name}: ${body.reason}`);
  const cases = member(body.value, "cases");
  if (!Array.isArray(cases)) throw new Error(`${name} has no list of cases`);
  return cases.map((vector) => {
    const endpoint = member(vector, "endpoint");
    return {
      id: textField(vector, "id"),
      title: textField(vector, "title"),
      ...(typeof endpoint === "string" ? { endpoint } : {}),
      request: given(vector, "request"),
      expected: given(vector, "expected"),
    };
  });
}

/** What an object holds under a name, undefined where it does not or is no object. */
export function member(tree: JsonTree, name: string): JsonTree | undefined {
  const isObject = typeof tree === "object" && tree !== null && !Array.isArray(tree) && !isJsonNumber(tree);
  return isObject ? tree[name] : undefined;
}

function textField(tree: JsonTree, field: string): string {
  const value = member(tree, field);
  if (typeof value !== "string") throw new Error(`no ${field}`);
  return value;
}

function given(tree: JsonTree, name: string): JsonTree {
  const value = member(tree, name);
  if (value === undefined) throw new Error(`no ${name}`);
  return value;
}
