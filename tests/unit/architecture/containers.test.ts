import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { parseConfig, parseMigrationConfig } from "../../../src/config/config.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

const Service = z.object({
  image: z.string(),
  user: z.string().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  cap_add: z.array(z.string()).optional(),
  privileged: z.boolean().optional(),
  security_opt: z.array(z.string()).optional(),
  tmpfs: z.array(z.string()).optional(),
  mem_limit: z.string().optional(),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
});

const VARIABLE = /\$\{(\w+)(?::([-?])([^}]*))?\}/g;

/** `compose.yaml` with these variables, as docker compose reads it: it refuses those that must be set and are not. */
function compose(variables: Readonly<Record<string, string>>) {
  const filled = (text: string) =>
    text.replaceAll(VARIABLE, (_all, name: string, kind: string | undefined, rest: string | undefined) => {
      const value = variables[name] ?? "";
      if (value === "" && kind === "?") throw new Error(`${name} ${String(rest)}`);
      return value === "" && kind === "-" ? String(rest) : value;
    });
  const fill = (_key: unknown, value: unknown) => (typeof value === "string" ? filled(value) : value);
  const file: unknown = parse(read("compose.yaml"), fill, { merge: true });
  return z.object({ services: z.record(z.string(), Service) }).parse(file).services;
}

const PASSWORDS = { POSTGRES_PASSWORD: "owner1", BALLAST_PASSWORD: "service2" };
const services = compose(PASSWORDS);

describe("compose.yaml", () => {
  test("starts with no password but those that are set", () => {
    expect(() => compose({})).toThrow("POSTGRES_PASSWORD must be set");
    expect(() => compose({ POSTGRES_PASSWORD: "a" })).toThrow("BALLAST_PASSWORD must be set");
    expect(() => compose({ BALLAST_PASSWORD: "a" })).toThrow("POSTGRES_PASSWORD must be set");
    for (const [use] of read("compose.yaml").matchAll(/\$\{\w+_PASSWORD.*?\}/g))
      expect(use).toMatch(/_PASSWORD:\?must be set/);
    const others = compose({ POSTGRES_PASSWORD: "x9", BALLAST_PASSWORD: "y8" });
    const text = JSON.stringify(services).replaceAll("owner1", "x9").replaceAll("service2", "y8");
    expect(JSON.stringify(others)).toBe(text);
    for (const [name, { environment }] of Object.entries(services)) {
      for (const [variable, value] of Object.entries(environment)) {
        const isSecret = variable.includes("PASSWORD") || /:\/\/[^/]*:[^/]*@/.test(value);
        if (isSecret)
          expect([name, variable, value]).toEqual([name, variable, expect.stringMatching(/owner1|service2/)]);
      }
    }
  });

  test("publishes the port of the service, on this machine alone", () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) =>
      ports.map((port) => `${name} ${port}`),
    );
    expect(published).toEqual(["ballast 127.0.0.1:8000:8000"]);
  });

  test.each(Object.entries(services))(
    "%s can change nothing but its volume, and has no rights",
    (_name, service) => {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
      });
      expect(service.tmpfs).toContain("/tmp");
      expect(service.mem_limit).toMatch(/^\d+[mg]$/);
      expect(["node", "postgres"]).toContain(service.user);
      expect([service.privileged, service.cap_add]).toEqual([undefined, undefined]);
      const writable = (service.volumes ?? []).filter((volume) => !volume.endsWith(":ro"));
      expect(writable).toEqual(service === services["postgres"] ? ["data:/var/lib/postgresql"] : []);
    },
  );

  test("gives the owner's password to the database and to what prepares it, not to the service", () => {
    const knows = (password: string) =>
      Object.keys(services).filter((name) => JSON.stringify(services[name]).includes(password));
    expect(knows(PASSWORDS.POSTGRES_PASSWORD)).toEqual(["postgres", "login", "migrate"]);
    expect(knows(PASSWORDS.BALLAST_PASSWORD)).toEqual(["login", "ballast"]);
  });

  test("has the schema migrated by its owner, who gives the service's login its role, ahead of the service", () => {
    const { environment, depends_on: after } = services["migrate"] ?? { environment: {} };
    const { url, serviceLogin } = parseMigrationConfig(environment);
    expect([url, serviceLogin]).toEqual(["postgres://postgres:owner1@postgres:5432/ballast", "ballast_app"]);
    expect(after).toEqual({ login: { condition: "service_completed_successfully" } });
    expect(services["ballast"]?.depends_on).toEqual({
      migrate: { condition: "service_completed_successfully" },
    });
  });

  test("has a configuration that the service takes, as it is and in PRODUCTION", () => {
    const { environment = {} } = services["ballast"] ?? {};
    const { database } = parseConfig({ HOST: "0.0.0.0", ...environment });
    expect(database).toMatchObject({
      url: "postgres://ballast_app:service2@postgres:5432/ballast",
      migrationUrl: null,
      migrateOnStart: false,
    });
    const issuer = {
      AUTH_MODE: "jwt",
      JWT_ISSUER: "i",
      JWT_AUDIENCE: "a",
      JWT_JWKS_URL: "https://i.example/keys",
    };
    const production = compose({ ...PASSWORDS, ...issuer, APP_PERSISTENCE_PROFILE: "PRODUCTION" });
    expect(parseConfig({ HOST: "0.0.0.0", ...production["ballast"]?.environment }).profile).toBe(
      "PRODUCTION",
    );
  });

  test("lets an operator hold its images by their digests", () => {
    const digest = `@sha256:${"0".repeat(64)}`;
    const held = compose({ ...PASSWORDS, POSTGRES_IMAGE: `postgres:18${digest}` });
    expect([held["postgres"]?.image, held["login"]?.image]).toEqual(Array(2).fill(`postgres:18${digest}`));
    expect(read("Dockerfile").match(/^FROM \S+/gm)).toEqual([
      "FROM ${NODE_IMAGE}",
      "FROM install",
      "FROM install",
      "FROM ${NODE_IMAGE}",
    ]);
  });
});

test("the image runs as a user without rights", () => {
  expect(read("Dockerfile").match(/^USER .*/gm)).toEqual(["USER node"]);
});
