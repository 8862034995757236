import { expect, test } from "vitest";
import { parseServerAddress } from "../../../../src/platform/database/address.ts";

test.each([
  ["postgres://u:p@db.bank.example/ballast", { host: "db.bank.example", port: 5432 }],
  ["postgresql://u@127.0.0.1:6000/ballast", { host: "127.0.0.1", port: 6000 }],
  ["postgres://u@[::1]:6000/ballast", { host: "::1", port: 6000 }],
  ["postgres://u@%2Fvar%2Frun%2Fpostgresql/ballast", { path: "/var/run/postgresql/.s.PGSQL.5432" }],
])("%s leads to its server", (url, endpoint) => {
  expect(endpointsOf(url)).toEqual([endpoint]);
});

const endpointsOf = (url: string) => parseServerAddress(url).hosts.map(({ endpoint }) => endpoint);

test("several servers are tried in their order, each with its own port, the shared one or the usual one", () => {
  expect(endpointsOf("postgres://u:p@one:6001,two,[::1]:6003/d?target_session_attrs=read-write")).toEqual([
    { host: "one", port: 6001 },
    { host: "two", port: 5432 },
    { host: "::1", port: 6003 },
  ]);
  expect(endpointsOf("postgres://u:p@one,two:6002/d?port=6000")).toEqual([
    { host: "one", port: 6000 },
    { host: "two", port: 6002 },
  ]);
});

test("a port without a host is one of this machine", () => {
  expect(endpointsOf("postgres:///d?port=6000")).toEqual([{ host: "localhost", port: 6000 }]);
});

test("each of several servers has a URL of its own, with the login, the database and what else is given", () => {
  const { hosts, login } = parseServerAddress("postgres://u%40x:p@one:1,two/d?port=2&sslmode=disable&a=b");
  expect(hosts.map(({ url }) => url)).toEqual([
    "postgres://u%40x:p@one:1/d?a=b",
    "postgres://u%40x:p@two:2/d?a=b",
  ]);
  expect(login).toBe("u@x");
});

test("the certificate of each of several servers is checked for its own name", () => {
  const { hosts } = parseServerAddress("postgres://u@one,two/d?sslmode=verify-full");
  expect(hosts.map(({ tls }) => tls?.options.host)).toEqual(["one", "two"]);
});

test.each(["any", "read-write", "read-only", "primary", "standby"])("target_session_attrs=%s", (target) => {
  expect(parseServerAddress(`postgres://u@h/d?target_session_attrs=${target}`).target).toBe(target);
});

test("any server will do where nothing else is asked for", () => {
  expect(parseServerAddress("postgres://u@h/d").target).toBe("any");
});

test.each([
  ["target_session_attrs=prefer-standby", "target_session_attrs=prefer-standby is none of any, read-write,"],
  ["port=0", "port=0 is no port"],
  ["port=5432,5433", "port=5432,5433 is no port"],
])("%s is refused", (parameter, message) => {
  expect(() => parseServerAddress(`postgres://u@one,two/d?${parameter}`)).toThrow(message);
});

test.each([
  "",
  "db.bank.example",
  "mysql://u@h/d",
  "postgres://u@one,,two/d",
  "postgres://u@one,/d",
  "postgres://u@one:port,two/d",
])("%j is refused", (url) => {
  expect(() => parseServerAddress(url)).toThrow("not a URL of PostgreSQL");
});

test("TLS parameters are taken out of the URL, others stay", () => {
  const [host] = parseServerAddress("postgres://u@h/d?sslmode=require&application_name=a").hosts;
  expect(host?.url).toBe("postgres://u@h/d?application_name=a");
  expect(host?.tls).toEqual({ isRequired: true, options: { rejectUnauthorized: false } });
});

test.each([
  ["disable", null],
  ["prefer", { isRequired: false, options: { rejectUnauthorized: false } }],
  ["verify-full", { isRequired: true, options: { host: "h" } }],
])("sslmode=%s", (mode, tls) => {
  expect(parseServerAddress(`postgres://u@h/d?sslmode=${mode}`).hosts[0]?.tls).toEqual(tls);
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
  expect(() => parseServerAddress("postgres://u:secret@h,/d")).not.toThrow("secret");
});
