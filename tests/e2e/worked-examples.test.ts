import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalJson } from "../../src/platform/json/canonical-json.ts";
import { readJsonBody, type JsonTree } from "../../src/platform/json/read-json.ts";
import { differences } from "../support/compare.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";
import { member, readVectors, type Vector } from "../support/vectors.ts";

let db: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  db = await testDatabase();
  service = await startService({ env: serviceEnv(db) });
});

afterAll(async () => {
  await service.stop();
  await db.drop();
});

type Reply = { readonly status: number; readonly body: JsonTree };

async function post(path: string, key: string, request: JsonTree): Promise<Reply> {
  const response = await fetch(new URL(path, service.url), {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: canonicalJson(request),
  });
  const body = readJsonBody(Buffer.from(await response.arrayBuffer()));
  if (!body.ok) throw new Error(`${path} ${key}: ${body.reason}`);
  return { status: response.status, body: body.value };
}

/** What comes out otherwise than expected, by example; a few at a time, as callers come. */
async function faultsOf(
  vectors: readonly Vector[],
  check: (vector: Vector) => Promise<string[]>,
): Promise<Record<string, string[]>> {
  const left = [...vectors];
  const faults: Record<string, string[]> = {};
  const work = async (): Promise<void> => {
    for (let vector = left.shift(); vector !== undefined; vector = left.shift()) {
      const found = await check(vector);
      if (found.length > 0) faults[`${vector.id} ${vector.title}`] = found;
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  return faults;
}

async function answerFaults(path: string, vector: Vector, expected: JsonTree): Promise<string[]> {
  const { status, body } = await post(path, vector.id, vector.request);
  return status === 200 ? differences(expected, body) : [`${status} ${canonicalJson(body)}`];
}

test("every worked rebalance comes out of POST /rebalance/simulate", async () => {
  const vectors = readVectors("dev-dpm");
  expect(vectors.length).toBeGreaterThan(200);
  expect(await faultsOf(vectors, (each) => answerFaults("/rebalance/simulate", each, each.expected))).toEqual(
    {},
  );
});

test("every worked batch comes out of POST /rebalance/analyze", async () => {
  const vectors = readVectors("dev-batch");
  expect(vectors.length).toBeGreaterThan(30);
  expect(await faultsOf(vectors, (each) => answerFaults("/rebalance/analyze", each, each.expected))).toEqual(
    {},
  );
});

test("every worked proposal and its artifact come out under one key", async () => {
  const vectors = readVectors("dev-proposal");
  expect(vectors.length).toBeGreaterThan(200);
  const faults = await faultsOf(vectors, async (each) => [
    ...(await answerFaults("/rebalance/proposals/simulate", each, memberOf(each.expected, "result"))),
    ...(await answerFaults("/rebalance/proposals/artifact", each, memberOf(each.expected, "artifact"))),
  ]);
  expect(faults).toEqual({});
});

test("every bad body is refused with 422 at the right place", async () => {
  const vectors = readVectors("dev-invalid");
  expect(vectors.length).toBeGreaterThan(300);
  const faults = await faultsOf(vectors, async (each) => {
    const { status, body } = await post(`/rebalance/${String(each.endpoint)}`, each.id, each.request);
    return status === 422 ? refusalFaults(each.expected, body) : [`status ${status}`];
  });
  expect(faults).toEqual({});
});

/** The expected locations that were not reported, and the expected codes that lead no entry. */
function refusalFaults(expected: JsonTree, problem: JsonTree): string[] {
  const entries = listOf(member(problem, "errors"));
  const places = new Set(entries.map((entry) => canonicalJson(listOf(member(entry, "loc")).slice(1))));
  const missing = listOf(member(expected, "error_locations"))
    .map((place) => canonicalJson(place))
    .filter((place) => !places.has(place));
  const codes = listOf(member(expected, "codes") ?? []).map(textOf);
  const messages = entries.map((entry) => textOf(member(entry, "msg")));
  const silent = codes.filter((code) => !messages.some((message) => message.startsWith(code)));
  return [
    ...missing.map((place) => `nothing at ${place}`),
    ...silent.map((code) => `no entry leads with ${code}`),
  ];
}

function listOf(tree: JsonTree | undefined): JsonTree[] {
  if (!Array.isArray(tree)) throw new Error(`no list: ${canonicalJson(tree ?? null)}`);
  return tree;
}

function memberOf(tree: JsonTree, name: string): JsonTree {
  const value = member(tree, name);
  if (value === undefined) throw new Error(`no ${name}`);
  return value;
}

function textOf(tree: JsonTree | undefined): string {
  if (typeof tree !== "string") throw new Error(`no text: ${canonicalJson(tree ?? null)}`);
  return tree;
}
