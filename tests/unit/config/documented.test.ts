import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeVariables, parseConfig } from "../../../src/config.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const variables = describeVariables();

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
    const rows = [
      ...read("docs/configuration.md").matchAll(/^\| `([A-Z0-9_]+)` +\| +(\S.*?) +\| +(\S.*?) +\|$/gm),
    ];
    expect(rows.map(([, name, fallback, about]) => [name, fallback, about])).toEqual(
      variables.map(({ name, fallback, about }) => [
        name,
        fallback === null ? "none" : `\`${fallback}\``,
        about,
      ]),
    );
  });
});
