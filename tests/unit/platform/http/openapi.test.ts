import { describe, expect, test } from "vitest";
import * as z from "zod";
import { RebalanceRequest, RebalanceResult } from "../../../../src/contract/rebalance.ts";
import { ProposalArtifact } from "../../../../src/contract/artifact.ts";
import { ProposalCreateResponse } from "../../../../src/features/proposals/schemas.ts";
import { DpmRunSupportBundleResponse } from "../../../../src/features/support/schemas.ts";
import { filters, limitFilter, pathParams } from "../../../../src/platform/http/filters.ts";
import { answer, headerDocs } from "../../../../src/platform/http/route-docs.ts";
import { serve } from "../../../support/http.ts";

const never = () => Promise.reject(new Error("a description calls nothing"));

/** The document of one route, with this schema for its answer. */
async function documentOf(result: z.ZodType): Promise<unknown> {
  const app = await serve((api) => {
    api.post(
      "/simulate/:name",
      {
        schema: {
          operationId: "simulate",
          tags: ["Test"],
          summary: "Simulates",
          headers: headerDocs({ "X-Extra": "More." }),
          params: pathParams("name"),
          querystring: filters({ limit: limitFilter(5, 1) }),
          body: RebalanceRequest,
          response: { 200: answer("The result.", result) },
        },
        config: {
          idempotencyKey: "required",
          bodyExample: { a: 1 },
          problems: [{ status: 409, detail: "STATE_CONFLICT: expected_state mismatch" }],
        },
      },
      never,
    );
    return Promise.resolve();
  });
  await app.ready();
  const document: unknown = JSON.parse(JSON.stringify(app.swagger()));
  await app.close();
  return document;
}

/** The document as a reader finds his way in it: by keys and references. */
async function reader(result: z.ZodType = RebalanceResult) {
  const document = await documentOf(result);
  const at = (...steps: string[]): unknown =>
    steps.reduce((value, step) => {
      const next = z.record(z.string(), z.unknown()).parse(value)[step];
      const reference = z.object({ $ref: z.string() }).safeParse(next);
      return reference.success ? at(...reference.data.$ref.slice(2).split("/")) : next;
    }, document);
  return { document, at };
}

function referencesIn(value: unknown): string[] {
  const found: string[] = [];
  JSON.stringify(value, (name, each: unknown) => {
    if (name === "$ref") found.push(String(each));
    return each;
  });
  return found;
}

describe("an operation", async () => {
  const { document, at } = await reader();
  const operation = (...steps: string[]) => at("paths", "/simulate/{name}", "post", ...steps);

  test("says all of its route", () => {
    expect(operation()).toMatchObject({ operationId: "simulate", tags: ["Test"], summary: "Simulates" });
    expect(operation("requestBody")).toMatchObject({
      required: true,
      content: {
        "application/json": { schema: { $ref: "#/components/schemas/RebalanceRequest" }, example: { a: 1 } },
      },
    });
    const parameters = z.array(z.unknown()).parse(operation("parameters"));
    expect(parameters).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "name", in: "path", required: true }),
        expect.objectContaining({ name: "limit", in: "query", required: false }),
        expect.objectContaining({ name: "X-Extra", in: "header", required: false }),
        expect.objectContaining({ name: "Idempotency-Key", in: "header", required: true }),
        expect.objectContaining({ name: "X-Tenant-Id", in: "header", required: false }),
      ]),
    );
  });

  test("has an answer with an example, and every problem by its code", () => {
    const statuses = Object.keys(z.record(z.string(), z.unknown()).parse(operation("responses")));
    expect(statuses.toSorted()).toEqual([
      "200",
      "400",
      "405",
      "408",
      "409",
      "413",
      "414",
      "415",
      "417",
      "422",
      "429",
      "431",
      "500",
      "503",
    ]);
    expect(at("paths", "/simulate/{name}", "post", "responses", "408")).toMatchObject({
      description: "REQUEST_TIMEOUT: where the request does not arrive whole in time",
    });
    const problem = operation("responses", "409", "content", "application/problem+json", "examples");
    expect(Object.keys(z.record(z.string(), z.unknown()).parse(problem))).toEqual([
      "STATE_CONFLICT_expected_state_mismatch",
      "IDEMPOTENCY_KEY_CONFLICT_request_hash_mismatch",
      "IDEMPOTENCY_IN_PROGRESS",
    ]);
    expect(at("components", "examples", "IDEMPOTENCY_IN_PROGRESS", "value")).toMatchObject({ status: 409 });
  });

  test("says how much of its limit is left, and after how long a caller who sent too much may come again", () => {
    const limit = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];
    const headersOf = (status: string) =>
      z.record(z.string(), z.unknown()).parse(operation("responses", status, "headers"));
    expect(Object.keys(headersOf("200"))).toEqual(expect.arrayContaining(limit));
    expect(Object.keys(headersOf("429"))).toEqual(expect.arrayContaining([...limit, "Retry-After"]));
    for (const name of limit)
      expect(operation("responses", "200", "headers", name)).toMatchObject({ schema: { type: "integer" } });
    expect(at("components", "examples", "RATE_LIMITED", "value")).toMatchObject({ status: 429 });
  });

  test("refers to nothing that is not there", () => {
    const references = referencesIn(document);
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) expect(at(...reference.slice(2).split("/"))).toBeDefined();
  });
});

describe("the schemas of a request", async () => {
  const { at } = await reader();

  test("require what has no default, and nothing else", () => {
    expect(at("components", "schemas", "Position")).toMatchObject({
      required: ["instrument_id", "quantity"],
      additionalProperties: false,
    });
    expect(at("components", "schemas", "EngineOptions")).not.toHaveProperty("required");
  });

  test("show decimals as texts or numbers, and tell of defaults as a client may write them", () => {
    const told = (...steps: string[]) => at("components", "schemas", ...steps, "description");
    expect(at("components", "schemas", "EngineOptions", "properties")).toMatchObject({
      max_realized_capital_gains: {
        anyOf: [{ $ref: "#/components/schemas/NonNegativeDecimalInput" }, { type: "null" }],
      },
    });
    expect(told("EngineOptions", "properties", "drift_top_contributors_limit")).toMatch(/Default: `5`\.$/);
    expect(told("SuitabilityThresholds", "properties", "max_weight_by_liquidity_tier")).toMatch(
      /Default: `\{"L4":"0\.1","L5":"0\.05"\}`\.$/,
    );
    expect(at("components", "schemas", "DecimalInput")).toMatchObject({ type: ["string", "number"] });
    expect(at("components", "schemas", "ShelfEntry", "properties", "attributes")).toMatchObject({
      type: "object",
      additionalProperties: { type: "string" },
    });
  });

  test("have a pattern that takes what the reader takes", () => {
    const { pattern } = z.object({ pattern: z.string() }).parse(at("components", "schemas", "DecimalInput"));
    const takes = (text: string) => new RegExp(pattern, "u").test(text);
    for (const text of ["1.5", "0012", "2000.", ".5", "-0", "+3", "5e-1", "30E-2"])
      expect(takes(text)).toBe(true);
    for (const text of ["", ".", "abc", "1,5", "NaN", " 1", "1_0"]) expect(takes(text)).toBe(false);
  });
});

describe("the examples of answers", () => {
  const schemas = {
    RebalanceResult,
    ProposalArtifact,
    ProposalCreateResponse,
    DpmRunSupportBundleResponse,
  };

  test.each(Object.entries(schemas))("%s: its example is one", async (name, schema) => {
    const { at } = await reader(schema);
    expect(schema.safeParse(at("components", "examples", name, "value")).error).toBeUndefined();
  });
});
