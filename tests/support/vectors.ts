import { readFileSync } from "node:fs";
import { readJsonBody, type JsonTree } from "../../src/platform/http/json-body.ts";

/** A worked example: what is asked and what has to come out. Numbers keep the digits they were written with. */
export type Vector = {
  readonly id: string;
  readonly title: string;
  readonly request: JsonTree;
  readonly expected: JsonTree;
};

/** The worked examples of one file under `tests/fixtures/vectors/`. */
export function readVectors(name: string): Vector[] {
  const body = readJsonBody(readFileSync(new URL(`../fixtures/vectors/${name}.json`, import.meta.url)));
  if (!body.ok) throw new Error(`${name}: ${body.reason}`);
  return field(body.value, "cases").map((vector) => ({
    id: String(entry(vector, "id")),
    title: String(entry(vector, "title")),
    request: entry(vector, "request"),
    expected: entry(vector, "expected"),
  }));
}

function field(tree: JsonTree, name: string): JsonTree[] {
  const value = entry(tree, name);
  if (!Array.isArray(value)) throw new Error(`${name} is no list`);
  return value;
}

function entry(tree: JsonTree, name: string): JsonTree {
  const value = Object.entries(Object(tree) as Record<string, JsonTree>).find(([key]) => key === name)?.[1];
  if (value === undefined) throw new Error(`no ${name}`);
  return value;
}
