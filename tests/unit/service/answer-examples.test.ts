import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import answers from "../../../src/answers.json" with { type: "json" };
import { operationsOf, published } from "../../support/openapi-document.ts";

/** Examples are what the service really answered to the demonstration: `scripts/record-answers.ts` keeps them. */

const SOURCES = fileURLToPath(new URL("../../../src", import.meta.url));

/** Every type that has a name of its own, by that name. */
async function namedTypes(): Promise<ReadonlyMap<string, z.ZodType>> {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((file) =>
    /^(contract\/[\w-]+|features\/\w+\/[\w-]*schemas)\.ts$/.test(file),
  );
  const modules = await Promise.all(
    files.map(async (file) => z.looseObject({}).parse({ ...(await import(`${SOURCES}/${file}`)) })),
  );
  const types = modules
    .flatMap((module) => Object.values(module))
    .filter((exported) => exported instanceof z.ZodType);
  return new Map(
    types.flatMap((type) => (type.meta()?.id === undefined ? [] : [[String(type.meta()?.id), type]])),
  );
}

const types = await namedTypes();

const answered = new Set(
  operationsOf(published).flatMap(({ operation }) =>
    Object.entries(operation.responses)
      .filter(([status]) => status.startsWith("2"))
      .flatMap(([, { content = {} }]) => Object.values(content))
      .flatMap(({ schema: { $ref } }) => (typeof $ref === "string" ? [$ref.replace(/^.*\//, "")] : [])),
  ),
);

test("there is one for every answer, and none of what is not answered any more", () => {
  expect(Object.keys(answers).toSorted()).toEqual([...answered].toSorted());
});

test.each(Object.entries(answers))(
  "%s: its example is one, with all of its fields and no others",
  (name, answer) => {
    expect(types.get(name)?.safeParse(answer).error).toBeUndefined();
    expect(types.has(name)).toBe(true);
    expect(published.components.examples[name]?.value).toEqual(answer);
  },
);
