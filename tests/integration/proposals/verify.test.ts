import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ProposalVerificationResponse } from "../../../src/features/proposals/read-schemas.ts";
import type { VersionRow } from "../../../src/features/proposals/version.ts";
import { createVerification, type VerifyProposal } from "../../../src/features/proposals/verify-proposal.ts";
import { databaseUse } from "../../../src/platform/database/database.ts";
import { inlineCalculations, type Calculations } from "../../../src/platform/threads.ts";
import { withDeadline } from "../../../src/runtime.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { gate } from "../../support/faults.ts";
import { addVersions, largeSimulateBody, newProposal, TENANT, textOf } from "../../support/proposals.ts";
import { withSession } from "../../support/session.ts";

const MOST_BYTES = 4 * 1_048_576;
const HASTY_MS = 500;

let db: TestDatabase;
let app: TestApp;
let hasty: TestApp;
let hastyTransactions = 0;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
  const hooks = { onWait: () => void (hastyTransactions += 1) };
  hasty = await openTestApp(db.url, { VERIFY_DEADLINE_MS: String(HASTY_MS) }, hooks);
});
afterAll(async () => {
  await app.close();
  await hasty.close();
  await db.drop();
});
afterEach(() => vi.restoreAllMocks());

/** A proposal with this many versions. */
async function proposalOf(versions: number, change: Record<string, unknown> = {}): Promise<string> {
  const { proposal } = await newProposal(app.runtime, change);
  await addVersions(app.runtime, proposal.proposal_id, versions - 1, change);
  return proposal.proposal_id;
}

const verify = (service: TestApp, id: string, tenantId = TENANT) =>
  service.get(`/rebalance/proposals/${id}/verify`, { "X-Tenant-Id": tenantId });

/** The pages of versions that are checked from now on. `held`: none of them before this. */
function watchPages(held: Promise<unknown> = Promise.resolve()) {
  const pages: VersionRow[][] = [];
  const { run } = inlineCalculations;
  const watched: Calculations["run"] = async (calculation, input, terms) => {
    if (calculation.name === "check versions") {
      pages.push(input as VersionRow[]);
      await held;
    }
    return run(calculation, input, terms);
  };
  vi.spyOn(inlineCalculations, "run").mockImplementation(watched);
  return pages;
}

const bytesOf = ({ request_text, result_text, artifact_text }: VersionRow) =>
  Buffer.byteLength(request_text + result_text + artifact_text);

describe("versions are read in pages", () => {
  test("of a hundred, whatever their number", async () => {
    const id = await proposalOf(1_000);
    const pages = watchPages();
    expect(read(ProposalVerificationResponse, await verify(app, id))).toEqual({
      checked: { approvals: 0, events: 1_000, versions: 1_000 },
      failures: [],
      valid: true,
    });
    expect(pages.map(({ length }) => length)).toEqual(Array<number>(10).fill(100));
    const numbers = pages.flat().map(({ version_no }) => version_no);
    expect(numbers).toEqual(Array.from({ length: 1_000 }, (_, at) => at + 1));
  });

  test("that end where their documents fill four MiB, and have one version at least", async () => {
    const id = await proposalOf(12, { simulate_request: largeSimulateBody(500) });
    await addVersions(app.runtime, id, 2, { simulate_request: largeSimulateBody(2_500) });
    const pages = watchPages();
    const { valid, checked } = read(ProposalVerificationResponse, await verify(app, id));
    expect({ valid, versions: checked.versions }).toEqual({ valid: true, versions: 14 });
    expect(pages.flat()).toHaveLength(14);
    expect(pages[0]?.length).toBeGreaterThan(1);
    for (const page of pages) {
      const beforeTheLast = page.slice(0, -1).reduce((sum, version) => sum + bytesOf(version), 0);
      expect(beforeTheLast).toBeLessThan(MOST_BYTES);
    }
    expect(pages.at(-1)).toHaveLength(1);
  });

  test("of which the second is verified like the first", async () => {
    const id = await proposalOf(150);
    const altered = await withSession(db.adminUrl, async (session) => {
      await session.query("set session_replication_role = replica");
      const { rows } = await session.query<{ proposal_version_id: string }>(
        `update proposal_version set result_text = result_text || ' '
          where proposal_id = $1 and version_no = 120 returning proposal_version_id`,
        [id],
      );
      return rows[0]?.proposal_version_id;
    });
    expect(read(ProposalVerificationResponse, await verify(app, id)).failures).toEqual([
      { kind: "version", id: altered, reason: "its result does not give its simulation_hash" },
    ]);
  });

  test("what is above the proposal's own numbers is found too", async () => {
    const id = await proposalOf(3);
    await withSession(db.adminUrl, async (session) => {
      await session.query("set session_replication_role = replica");
      await session.query(
        `update proposal_version set version_no = 900 where proposal_id = $1 and version_no = 3`,
        [id],
      );
    });
    const reasons = read(ProposalVerificationResponse, await verify(app, id)).failures.map(
      ({ reason }) => reason,
    );
    expect(reasons).toContain("no event brought it");
  });
});

describe("callers of one proposal", () => {
  test("share a run, and get the same answer", async () => {
    const id = await proposalOf(3);
    const released = gate();
    const pages = watchPages(released.opened);
    const answers = [verify(app, id), verify(app, id)];
    await vi.waitFor(() => expect(databaseUse(app.database).inFlight).toBe(0));
    await vi.waitFor(() => expect(pages).toHaveLength(1));
    released.open();
    const [first, second] = await Promise.all(answers);
    expect(first?.status).toBe(200);
    expect(second?.text).toBe(first?.text);
    expect(pages).toHaveLength(1);
  });

  test("get another run once something was written, which shows what was", async () => {
    const id = await proposalOf(1);
    const released = gate();
    const pages = watchPages(released.opened);
    const before = verify(app, id);
    await vi.waitFor(() => expect(pages).toHaveLength(1));
    await addVersions(app.runtime, id, 1);
    const after = verify(app, id);
    await vi.waitFor(() => expect(pages).toHaveLength(2));
    released.open();
    const versionsIn = async (answer: ReturnType<typeof verify>) =>
      read(ProposalVerificationResponse, await answer).checked.versions;
    expect(await Promise.all([before, after].map(versionsIn))).toEqual([1, 2]);
  });

  test("are of one tenant: to another it is not there", async () => {
    const id = await proposalOf(1);
    const released = gate();
    const pages = watchPages(released.opened);
    const own = verify(app, id);
    await vi.waitFor(() => expect(pages).toHaveLength(1));
    expect(refusalOf(await verify(app, id, "another"))).toBe("404 PROPOSAL_NOT_FOUND");
    released.open();
    expect((await own).status).toBe(200);
  });

  /** A caller who can leave. */
  function joining(verifyProposal: VerifyProposal, id: string) {
    const controller = new AbortController();
    const deps = withDeadline(app.runtime, { endsAt: Infinity, signal: controller.signal });
    return { leave: () => controller.abort(), text: verifyProposal(deps, TENANT, id).then(textOf) };
  }

  test("may leave: the run goes on for those who stay", async () => {
    const id = await proposalOf(201);
    const verifyProposal = createVerification(app.runtime);
    const released = gate();
    const pages = watchPages(released.opened);
    const first = joining(verifyProposal, id);
    await vi.waitFor(() => expect(pages).toHaveLength(1));
    const second = joining(verifyProposal, id);
    await vi.waitFor(() => expect(databaseUse(app.database).inFlight).toBe(0));
    first.leave();
    await expect(first.text).rejects.toMatchObject({ fault: { kind: "deadline_exceeded" } });
    released.open();
    expect(await second.text).toContain('"valid":true');
    expect(pages).toHaveLength(3);
  });

  test("end it when the last has left", async () => {
    const id = await proposalOf(201);
    const verifyProposal = createVerification(app.runtime);
    const released = gate();
    const pages = watchPages(released.opened);
    const last = joining(verifyProposal, id);
    await vi.waitFor(() => expect(pages).toHaveLength(1));
    last.leave();
    released.open();
    await expect(last.text).rejects.toMatchObject({ kind: "cancelled" });
    expect(pages).toHaveLength(1);
  });
});

test("a verification may take longer than other requests", async () => {
  const id = await proposalOf(1);
  const patient = await openTestApp(db.url, { REQUEST_DEADLINE_MS: "200" });
  const released = gate();
  const pages = watchPages(released.opened);
  setTimeout(released.open, 600);
  expect((await verify(patient, id)).status).toBe(200);
  expect(pages).toHaveLength(1);
  await patient.close();
});

test("at its deadline a verification is answered 503, and nothing of it runs on", async () => {
  const id = await proposalOf(201);
  const released = gate();
  const pages = watchPages(released.opened);
  setTimeout(released.open, HASTY_MS + 200);
  expect(refusalOf(await verify(hasty, id))).toBe("503 DEADLINE_EXCEEDED");
  expect(databaseUse(hasty.database).inFlight).toBe(0);
  const transactions = hastyTransactions;
  // Another verification would have been made by then.
  expect((await verify(app, id)).status).toBe(200);
  expect(hastyTransactions).toBe(transactions);
  expect(pages).toHaveLength(1 + 3);
});
