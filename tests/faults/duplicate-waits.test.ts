import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import { createProposal } from "../../src/features/proposals/create-proposal.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { outcomeOf } from "../support/faults.ts";
import {
  addVersion,
  caller,
  createBody,
  move,
  newProposal,
  proposalDeps,
  resultOf,
  stateOf,
} from "../support/proposals.ts";
import { withSession } from "../support/session.ts";

const CANCEL = { event_type: "CANCELLED", expected_state: "DRAFT" };

let server: TestDatabase;
/** Two processes on one database; the second gives up its waits for a lock early. */
let patient: Database;
let hasty: Database;
let letGo: (() => void) | undefined;

beforeAll(async () => {
  server = await testDatabase();
  patient = openTestDatabase(server.url, { applicationName: "patient", lockTimeoutMs: 15_000 });
  hasty = openTestDatabase(server.url, { applicationName: "hasty", lockTimeoutMs: 300 });
});
afterEach(() => letGo?.());
afterAll(async () => {
  await closeDatabase(patient);
  await closeDatabase(hasty);
  await server.drop();
});

/** Holds what a statement locks, for somebody who has nothing to do with the key, until it is let go. */
async function hold(statement: string, id: string): Promise<void> {
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await new Promise<void>((held, failed) => {
    withSession(server.adminUrl, async (session) => {
      await session.query("begin");
      await session.query(statement, [id]);
      held();
      await released;
    }).catch(failed);
  });
}

const THE_PROPOSAL = "select 1 from proposal where proposal_id = $1 for update";

/** Until that process waits for a lock in the database. */
async function waiting(applicationName: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const { rowCount } = await withSession(server.adminUrl, (session) =>
        session.query(
          "select 1 from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'",
          [applicationName],
        ),
      );
      expect(rowCount).toBeGreaterThan(0);
    },
    { timeout: 10_000, interval: 20 },
  );
}

describe("a write whose aggregate somebody else holds", () => {
  test.each([
    [
      "a transition",
      (id: string, by: ReturnType<typeof caller>) => move(proposalDeps(hasty), id, CANCEL, by),
    ],
    ["a version", (id: string, by: ReturnType<typeof caller>) => addVersion(proposalDeps(hasty), id, {}, by)],
  ])(
    "%s is told that the database is busy, not that its key is in use, and may come again",
    async (_, write) => {
      const id = (await newProposal(proposalDeps(patient))).proposal.proposal_id;
      const by = caller();
      await hold(THE_PROPOSAL, id);
      expect(await outcomeOf(write(id, by))).toBe("lock_timeout");
      letGo?.();
      expect(resultOf(await write(id, by))).toBe("200");
    },
  );
});

describe("a duplicate in another process that waits longer than it may is told that its key is in progress", () => {
  test("where the first waits for the aggregate; then it gets the answer of the first", async () => {
    const id = (await newProposal(proposalDeps(patient))).proposal.proposal_id;
    const by = caller();
    await hold(THE_PROPOSAL, id);
    const first = move(proposalDeps(patient), id, CANCEL, by);
    await waiting("patient");
    expect(resultOf(await move(proposalDeps(hasty), id, CANCEL, by))).toBe("in_progress");
    letGo?.();
    const answered = await first;
    expect(resultOf(answered)).toBe("200");
    expect(await move(proposalDeps(hasty), id, CANCEL, by)).toEqual({
      ...answered,
      made: null,
      isReplayed: true,
    });
    expect(await stateOf(proposalDeps(hasty), id)).toBe("CANCELLED");
  });

  test("where the first has claimed the key and not yet committed", async () => {
    const by = caller();
    await hold(
      `insert into idempotency_record
         (tenant_id, scope, idempotency_key, payload_hash, response_status, response_body, created_at)
       values ('tenant-a', 'proposals.create', $1, 'sha256:' || repeat('0', 64), 200, '{}', now())`,
      by.idempotencyKey,
    );
    expect(resultOf(await createProposal(proposalDeps(hasty), by, createBody()))).toBe("in_progress");
    letGo?.();
    await vi.waitFor(async () => {
      expect(resultOf(await createProposal(proposalDeps(hasty), by, createBody()))).toBe("200");
    });
  });
});
