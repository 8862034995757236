import { expect, test } from "vitest";
import { serverFaults } from "../../../../src/platform/database/startup-checks.ts";

const sound = {
  version: 150_018,
  is_standby: false,
  is_read_only: false,
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
};

test("a server that keeps what it acknowledged passes", () => {
  expect(serverFaults(sound)).toEqual([]);
  expect(serverFaults({ ...sound, synchronous_commit: "remote_apply" })).toEqual([]);
});

test.each([
  [{ version: 140_012 }, "PostgreSQL 15 or later is needed, this is 140012"],
  [{ is_standby: true }, "this database is a standby: DATABASE_URL must name the primary"],
  [{ is_read_only: true }, "default_transaction_read_only is on: this database takes no writes"],
  [{ fsync: "off" }, "fsync is off: a crash would lose acknowledged writes"],
  [{ full_page_writes: "off" }, "full_page_writes is off: a crash could tear pages"],
  [
    { synchronous_commit: "remote_write" },
    "synchronous_commit is remote_write, not on: a crash would lose acknowledged writes",
  ],
])("%j is refused in one line", (change, message) => {
  expect(serverFaults({ ...sound, ...change })).toEqual([message]);
});
