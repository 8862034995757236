import { expect, test } from "vitest";
import { parseServerAddress } from "../../../../src/platform/database/address.ts";

test.each([
  ["postgres://u:p@db.bank.example/ballast", { host: "db.bank.example", port: 5432 }],
  ["postgresql://u@127.0.0.1:6000/ballast", { host: "127.0.0.1", port: 6000 }],
  ["postgres://u@[::1]:6000/ballast", { host: "::1", port: 6000 }],
  ["postgres://u@%2Fvar%2Frun%2Fpostgresql/ballast", { path: "/var/run/postgresql/.s.PGSQL.5432" }],
])("%s leads to its server", (url, endpoint) => {
  expect(parseServerAddress(url).endpoint).toEqual(endpoint);
});

test.each(["", "db.bank.example", "mysql://u@h/d", "postgres://u@one,two/d"])("%j is refused", (url) => {
  expect(() => parseServerAddress(url)).toThrow("not a URL of one PostgreSQL server");
});

test("TLS parameters are taken out of the URL, others stay", () => {
  const address = parseServerAddress("postgres://u@h/d?sslmode=require&application_name=a");
  expect(address.url).toBe("postgres://u@h/d?application_name=a");
  expect(address.tls).toEqual({ isRequired: true, options: { rejectUnauthorized: false } });
});

test.each([
  ["disable", null],
  ["prefer", { isRequired: false, options: { rejectUnauthorized: false } }],
  ["verify-full", { isRequired: true, options: { host: "h" } }],
])("sslmode=%s", (mode, tls) => {
  expect(parseServerAddress(`postgres://u@h/d?sslmode=${mode}`).tls).toEqual(tls);
});

test("TLS that cannot work is found before the first connection", () => {
  expect(() => parseServerAddress("postgres://u@h/d?sslmode=sometimes")).toThrow(
    "sslmode=sometimes is none of",
  );
  expect(() => parseServerAddress("postgres://u@h/d?sslmode=verify-ca&sslrootcert=/none")).toThrow(
    "cannot read the TLS file /none",
  );
  expect(() =>
    parseServerAddress(`postgres://u@h/d?sslmode=verify-ca&sslcert=${import.meta.filename}`),
  ).toThrow("the TLS certificates of the database cannot be used");
});

test("the password is in no message", () => {
  expect(() => parseServerAddress("postgres://u:secret@h/d?sslmode=sometimes")).not.toThrow("secret");
  expect(() => parseServerAddress("mysql://u:secret@h/d")).not.toThrow("secret");
});
