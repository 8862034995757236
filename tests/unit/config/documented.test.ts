import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeVariables, parseConfig } from "../../../src/config/config.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const variables = describeVariables();

/** The rows of a document that tell of one variable each: name, default and meaning. */
function rowsOf(path: string): (string | undefined)[][] {
  const rows = read(path).matchAll(/^\| `([A-Z0-9_]+)` +\| +(\S.*?) +\| +(\S.*?) +\|$/gm);
  return [...rows].map(([, name, fallback, about]) => [name, fallback, about]);
}

const expectedRows = variables.map(({ name, fallback, about }) => [
  name,
  fallback === null ? "none" : `\`${fallback}\``,
  about,
]);

describe(".env.example", () => {
  const assignments = [...read(".env.example").matchAll(/^(# )?([A-Z][A-Z0-9_]*)=(.*)$/gm)];

  test("lists every variable once, with its default; those without one are commented out", () => {
    const listed = assignments.map(([, comment, name, value]) => [
      name,
      comment === undefined ? value : null,
    ]);
    expect(listed).toEqual(variables.map(({ name, fallback }) => [name, fallback]));
  });

  test("is a configuration that can be used as it stands", () => {
    const set = assignments.filter(([, comment]) => comment === undefined);
    const environment = Object.fromEntries(set.map(([, , name, value]) => [String(name), String(value)]));
    expect(parseConfig(environment)).toEqual(parseConfig({}));
  });
});

describe("docs/configuration.md", () => {
  test("has a row for every variable, with its default and its meaning", () => {
    expect(rowsOf("docs/configuration.md")).toEqual(expectedRows);
  });
});

describe("README.md", () => {
  const isSwitch = ([name = ""]: readonly (string | undefined)[]) => /^(DPM|PROPOSAL)_/.test(name);

  test("has a row for every switch, with its default and its meaning", () => {
    expect(rowsOf("README.md").filter(isSwitch)).toEqual(expectedRows.filter(isSwitch));
  });
});
