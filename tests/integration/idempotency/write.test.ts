import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { ANSWER_IN_RECORD, type RequestKey } from "../../../src/platform/idempotency/repository.ts";
import { write, type WriteDeps, type Written } from "../../../src/platform/idempotency/write.ts";
import { createKeyedQueue } from "../../../src/platform/keyed-queue.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { gate } from "../../support/faults.ts";

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await testDatabase();
  database = openTestDatabase(server.url);
});
afterAll(async () => {
  await closeDatabase(database);
  await server.drop();
});

const tenantId = "tenant-a";
const scope = {
  name: "test.write",
  inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_IN_RECORD,
} as const;

function keyOf(key: string, payload = "0"): RequestKey {
  const payloadHash = `sha256:${payload.repeat(64)}`;
  return { tenantId, scope, recordScope: scope.name, key, payloadHash };
}

function processOf(turnWaitMs: number): WriteDeps {
  return {
    database,
    clock: () => new Date(),
    inFlight: new Map(),
    aggregates: createKeyedQueue(),
    turnWaitMs,
  };
}

const done: Written<string> = { answer: { status: 200, body: '{"done":1}' }, made: "it", record: {} };
const refused: Written<string> = { answer: { status: 409, body: "{}" }, made: null, record: {} };

function writing(key: RequestKey, ending: () => Promise<Written<string>>) {
  return { tenantId, key, prepare: () => undefined, write: ending };
}

describe("a write under a key", () => {
  test("hands its caller the answer and what was made; a repetition gets the answer alone", async () => {
    const deps = processOf(1_000);
    const work = writing(keyOf("made"), () => Promise.resolve(done));
    const { answer } = done;
    expect(await write(deps, work)).toEqual({
      kind: "answered",
      answer,
      made: "it",
      isStored: true,
      isReplayed: false,
    });
    expect(await write(deps, work)).toEqual({
      kind: "answered",
      answer,
      made: null,
      isStored: true,
      isReplayed: true,
    });
  });

  test("with another payload is a conflict", async () => {
    const deps = processOf(1_000);
    await write(
      deps,
      writing(keyOf("conflict"), () => Promise.resolve(done)),
    );
    const other = writing(keyOf("conflict", "1"), () => Promise.resolve(done));
    expect(await write(deps, other)).toEqual({ kind: "conflict" });
  });

  test("that was refused stays refused", async () => {
    const deps = processOf(1_000);
    await write(
      deps,
      writing(keyOf("refused"), () => Promise.resolve(refused)),
    );
    const again = await write(
      deps,
      writing(keyOf("refused"), () => Promise.resolve(done)),
    );
    expect(again).toMatchObject({ answer: refused.answer, isReplayed: true });
  });

  test("whose answer is not stored leaves the key free", async () => {
    const deps = processOf(1_000);
    const forbidden = { answer: { status: 403, body: "{}" }, made: null, record: null };
    const first = await write(
      deps,
      writing(keyOf("free"), () => Promise.resolve(forbidden)),
    );
    expect(first).toMatchObject({ answer: { status: 403 }, isStored: false });
    const second = await write(
      deps,
      writing(keyOf("free"), () => Promise.resolve(done)),
    );
    expect(second).toMatchObject({ answer: { status: 200 }, made: "it", isReplayed: false });
  });
});

describe("a duplicate in the same process", () => {
  test("waits for the first no longer than it may, though the first goes on", async () => {
    const deps = processOf(200);
    const held = gate();
    const first = write(
      deps,
      writing(keyOf("slow"), async () => {
        await held.opened;
        return done;
      }),
    );
    const outcome = await write(
      deps,
      writing(keyOf("slow"), () => Promise.resolve(done)),
    );
    expect(outcome).toEqual({ kind: "in_progress" });
    held.open();
    expect(await first).toMatchObject({ made: "it", isReplayed: false });
  });

  test("is bounded by a clock that nobody can set", async () => {
    // Each look at the wall clock is a day earlier than the one before.
    let now = Date.now();
    const clock = () => new Date((now -= 86_400_000));
    const deps = { ...processOf(200), clock };
    const held = gate();
    const first = write(
      deps,
      writing(keyOf("backwards"), async () => {
        await held.opened;
        return done;
      }),
    );
    const outcome = await write(
      deps,
      writing(keyOf("backwards"), () => Promise.resolve(done)),
    );
    expect(outcome).toEqual({ kind: "in_progress" });
    held.open();
    await first;
  });

  test("shares the answer of the first", async () => {
    const deps = processOf(5_000);
    let effects = 0;
    const work = writing(keyOf("shared"), () => {
      effects += 1;
      return Promise.resolve(done);
    });
    const outcomes = await Promise.all(Array.from({ length: 16 }, () => write(deps, work)));
    expect(effects).toBe(1);
    expect(outcomes.filter((outcome) => outcome.kind === "answered" && outcome.isReplayed)).toHaveLength(15);
  });
});
