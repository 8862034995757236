import { afterAll, beforeAll, expect, test } from "vitest";
import { ProposalCreateResponse } from "../../../src/features/proposals/schemas.ts";
import { CREATE_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { newKey } from "../../support/runs.ts";

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
