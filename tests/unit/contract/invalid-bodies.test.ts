import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { validate, type Fault } from "../../../src/contract/faults.ts";
import { ProposalSimulateRequest } from "../../../src/contract/proposal.ts";
import { BatchRebalanceRequest, RebalanceRequest } from "../../../src/contract/rebalance.ts";
import { readJsonBody, type JsonTree } from "../../../src/platform/json/read-json.ts";

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  simulate: RebalanceRequest,
  analyze: BatchRebalanceRequest,
  "proposals/simulate": ProposalSimulateRequest,
};

/** A body that must be refused; numbers in locations are positions, numbers in the body keep their digits. */
type InvalidBody = {
  id: string;
  title: string;
  endpoint: string;
  locations: string[];
  codes: string[];
  request: JsonTree;
};

const Expected = z.object({
  cases: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      endpoint: z.string(),
      expected: z.object({
        error_locations: z.array(z.array(z.union([z.string(), z.int()]))),
        codes: z.array(z.string()).optional(),
      }),
    }),
  ),
});

function readInvalidBodies(): InvalidBody[] {
  const bytes = readFileSync(new URL("../../fixtures/vectors/dev-invalid.json", import.meta.url));
  const tree = readJsonBody(bytes);
  if (!tree.ok) throw new Error(tree.reason);
  const requests = requestsOf(tree.value);
  return Expected.parse(JSON.parse(bytes.toString())).cases.map(
    ({ id, title, endpoint, expected }, index) => ({
      id,
      title,
      endpoint,
      locations: expected.error_locations.map((path) => JSON.stringify(path)),
      codes: expected.codes ?? [],
      request: requests[index] ?? null,
    }),
  );
}

function requestsOf(tree: JsonTree): JsonTree[] {
  const cases = asObject(tree)["cases"];
  if (!Array.isArray(cases)) throw new Error("the file has no cases");
  return cases.map((each) => asObject(each)["request"] ?? null);
}

function asObject(tree: JsonTree): Record<string, JsonTree> {
  if (typeof tree !== "object" || tree === null || Array.isArray(tree)) throw new Error("not an object");
  return tree as Record<string, JsonTree>;
}

function faultsOf({ endpoint, request }: InvalidBody): readonly Fault[] {
  const schema = SCHEMAS[endpoint];
  if (schema === undefined) throw new Error(`no schema for ${endpoint}`);
  const reading = validate(schema, request, "refuse");
  return reading.ok ? [] : reading.faults;
}

const bodies = readInvalidBodies();

describe("bodies that must be refused", () => {
  test("there are 323 of them", () => {
    expect(bodies).toHaveLength(323);
  });

  test.each(bodies)("$id: $title", (body) => {
    const faults = faultsOf(body);
    const reported = faults.map(({ path }) => JSON.stringify(path));
    expect(reported).toEqual(expect.arrayContaining(body.locations));
    for (const code of body.codes) {
      expect(faults.some((fault) => fault.code === code && fault.msg.startsWith(code))).toBe(true);
    }
  });

  test.each(bodies.filter(({ codes }) => codes.length > 0))(
    "$id has as many coded faults as listed",
    (body) => {
      const coded = faultsOf(body).filter(({ code }) => code === body.codes[0]);
      expect(coded).toHaveLength(body.codes.length);
    },
  );

  test.each(bodies)("$id has no fault elsewhere", (body) => {
    const places = new Set(faultsOf(body).map(({ path }) => JSON.stringify(path)));
    expect([...places].sort()).toEqual([...new Set(body.locations)].sort());
  });
});
