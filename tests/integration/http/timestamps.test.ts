import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { ProposalCreateResponse } from "../../../src/features/proposals/schemas.ts";
import { CREATE_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { makeRun, newKey } from "../../support/runs.ts";

const DAY_MS = 86_400_000;
const Listed = z.array(z.object({ created_at: z.string() }));
/** A page of any list; lineage calls its items edges. */
const Items = z
  .object({ items: Listed.optional(), edges: Listed.optional() })
  .transform(({ items, edges }) => ({ items: items ?? edges ?? [] }));
const Parameter = z.object({
  name: z.string(),
  description: z.string().optional(),
  schema: z.object({ format: z.string().optional() }),
});
const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ parameters: z.array(Parameter).optional() }))),
});

let db: TestDatabase;
let app: TestApp;
let proposalId: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
  const made = await app.post("/rebalance/proposals", { key: newKey(), body: CREATE_EXAMPLE });
  proposalId = read(ProposalCreateResponse, made).proposal.proposal_id;
});
afterAll(async () => {
  await app.close();
  await db.drop();
});

/** Every place in a query that takes a point in time; `{id}` is a proposal that is there. */
const PLACES: readonly [path: string, name: string][] = [
  ["/rebalance/runs", "from"],
  ["/rebalance/runs", "to"],
  ["/rebalance/operations", "from"],
  ["/rebalance/operations", "to"],
  ["/rebalance/workflow/decisions", "from"],
  ["/rebalance/workflow/decisions", "to"],
  ["/rebalance/lineage/corr-1", "from"],
  ["/rebalance/lineage/corr-1", "to"],
  ["/rebalance/proposals", "created_from"],
  ["/rebalance/proposals", "created_to"],
  ["/rebalance/proposals/{id}", "as_of"],
  ["/rebalance/proposals/{id}/workflow-events", "as_of"],
  ["/rebalance/policies/catalog/pack-of-nobody", "as_of"],
];

/** The ends of what is taken: neither may fail in the database, whatever it finds there. */
const TAKEN = [
  "0001-01-01",
  "0000-12-31T23:30:00-01:00",
  "9999-12-31T23:59:59.999999",
  "2026-01-15T09:30:00",
];
const REFUSED = [
  "0000-01-01",
  "0000-12-31T23:59:59Z",
  "0001-01-01T00:00:00+00:01",
  "10000-01-01",
  "-infinity",
];

test.each(PLACES)("%s, %s: every timestamp is compared with or refused", async (path, name) => {
  const at = (text: string) =>
    app.get(`${path.replace("{id}", proposalId)}?${name}=${encodeURIComponent(text)}`);
  for (const text of TAKEN) expect([200, 404]).toContain((await at(text)).status);
  for (const text of REFUSED) expect(refusalOf(await at(text))).toBe("422 VALIDATION_FAILED");
});

test.each([
  ["/rebalance/proposals", "created_from", "created_to"],
  ["/rebalance/runs", "from", "to"],
  ["/rebalance/lineage/corr-day", "from", "to"],
])("%s: %s and %s on one day take in that day, and no other", async (path, from, to) => {
  await makeRun(app, { correlationId: "corr-day" });
  const list = async (query: string) => read(Items, await app.get(`${path}?${query}`)).items;
  const [item] = await list("limit=1");
  const day = item?.created_at.slice(0, 10) ?? "";
  const next = new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, 10);
  expect(await list(`limit=1&${from}=${day}&${to}=${day}`)).toHaveLength(1);
  expect(await list(`${from}=${next}&${to}=${next}`)).toEqual([]);
  expect(await list(`${from}=${day}&${to}=${day}T00:00:00Z`)).toEqual([]);
});

test("OpenAPI says of every filter of time what a date alone means", async () => {
  const { paths } = read(Document, await app.get("/openapi.json"));
  const filters = Object.values(paths)
    .flatMap((path) => Object.values(path))
    .flatMap(({ parameters = [] }) => parameters)
    .filter(({ schema }) => schema.format === "date-time");
  expect(new Set(filters.map(({ name }) => name))).toEqual(
    new Set(["from", "to", "created_from", "created_to", "as_of"]),
  );
  for (const { name, description } of filters) {
    const meaning = name.endsWith("to") ? "is the end of that day" : "is the start of that day";
    expect(description).toContain(`a date alone ${meaning}`);
    expect(description).toContain("%2B");
  }
});
