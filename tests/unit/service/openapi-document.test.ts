import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as z from "zod";

const Media = z.looseObject({
  schema: z.looseObject({}),
  example: z.unknown().optional(),
  examples: z.unknown().optional(),
});
const Response = z.looseObject({
  description: z.string().min(1),
  content: z.record(z.string(), Media).optional(),
});
const Operation = z.looseObject({
  operationId: z.string().min(1),
  tags: z.array(z.string()).min(1),
  summary: z.string().min(1),
  parameters: z.array(z.looseObject({})),
  requestBody: z.looseObject({ content: z.record(z.string(), Media) }).optional(),
  responses: z.record(z.string(), z.union([z.strictObject({ $ref: z.string() }), Response])),
});
const Document = z.looseObject({
  openapi: z.literal("3.1.0"),
  tags: z.array(z.looseObject({ name: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.looseObject({ responses: z.record(z.string(), Response) }),
});

/** The published document; `npm run check:openapi` holds that it is what the code says. */
const text = readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8");
const document = Document.parse(JSON.parse(text));
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    path,
    operation,
  })),
);

const hasExample = (media: z.output<typeof Media>) =>
  media.example !== undefined || media.examples !== undefined;

const SHARED = "#/components/responses/";

function resolved(response: z.output<typeof Operation>["responses"][string]): z.output<typeof Response> {
  if (!("$ref" in response)) return response;
  return Response.parse(document.components.responses[String(response.$ref).slice(SHARED.length)]);
}

describe("the OpenAPI document", () => {
  test("shows proposals and rebalancing first", () => {
    expect(document.tags.slice(0, 3).map(({ name }) => name)).toEqual([
      "Proposals",
      "Proposal operations",
      "Rebalancing",
    ]);
    const listed = document.tags.map(({ name }) => name);
    for (const { operation } of operations) for (const tag of operation.tags) expect(listed).toContain(tag);
  });

  test("names every operation once", () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids.length).toBeGreaterThan(50);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("refers to nothing that is not there", () => {
    const references = [...text.matchAll(/"\$ref": "#\/([^"]+)"/g)].map(([, path]) => path ?? "");
    for (const reference of new Set(references)) {
      let at: unknown = document;
      for (const step of reference.split("/")) at = z.record(z.string(), z.unknown()).parse(at)[step];
      expect(at, reference).toBeDefined();
    }
  });

  test.each(operations)(
    "$name has its parameters, answers with examples, and problems",
    ({ path, operation }) => {
      const inPath = operation.parameters.filter((parameter) => parameter["in"] === "path");
      expect(inPath.map((parameter) => `{${String(parameter["name"])}}`)).toEqual(
        path.match(/\{\w+\}/g) ?? [],
      );
      for (const media of Object.values(operation.requestBody?.content ?? {}))
        expect(hasExample(media)).toBe(true);
      const statuses = Object.keys(operation.responses);
      expect(statuses).toEqual(expect.arrayContaining(["422", "500", "503"]));
      expect(statuses.some((status) => status.startsWith("2"))).toBe(true);
      for (const [status, response] of Object.entries(operation.responses)) {
        if (status === "204") continue;
        const { content = {} } = resolved(response);
        expect(Object.values(content).some(hasExample)).toBe(true);
      }
    },
  );
});
