import { describe, expect, test } from "vitest";
import {
  ConfigError,
  describeVariables,
  parseConfig,
  parseMigrationConfig,
} from "../../../src/config/config.ts";

const SERVICE = "postgres://ballast:secret@db.example:5432/ballast";
const OWNER = "postgres://owner:hidden@db.example:5432/ballast";
const LOGINS = { DATABASE_URL: SERVICE, MIGRATION_DATABASE_URL: OWNER };

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const TOKENS = {
  AUTH_MODE: "jwt",
  JWT_ISSUER: "https://issuer.example",
  JWT_AUDIENCE: "ballast",
  JWT_JWKS_URL: "https://issuer.example/keys",
};

describe("an empty environment", () => {
  test("serves on the loopback address with the embedded database and everything switched on", () => {
    const config = parseConfig({});
    expect(config.server).toMatchObject({ host: "127.0.0.1", port: 8000, maxBodyBytes: 1_048_576 });
    expect(config.database).toMatchObject({
      url: null,
      embeddedFolder: ".data/postgres",
      migrateOnStart: true,
    });
    expect(config.contract).toEqual({
      defaultRulesVersion: "1",
      requireIdempotencyKey: "all",
      unknownFields: "refuse",
    });
    expect(config.rebalance.operations).toEqual({
      areEnabled: true,
      isManualExecutionEnabled: true,
      executionMode: "WORKER",
      ttlSeconds: 86_400,
      retryForMs: 86_400_000,
    });
    expect(config.rebalance.review).toEqual({
      isEnabled: true,
      requiredForStatuses: ["PENDING_REVIEW"],
      requiresSegregation: true,
    });
    expect(config.proposals).toMatchObject({
      allowsPortfolioChangeOnNewVersion: false,
      newVersionRestartsReview: true,
      allowsBlockedVersions: false,
      requiresDistinctApprovers: false,
      requiresSegregationOfDuties: true,
    });
  });
});

describe("the drain after SIGTERM", () => {
  const production = {
    APP_PERSISTENCE_PROFILE: "PRODUCTION",
    ...TOKENS,
    DATABASE_URL: SERVICE,
    MIGRATION_DATABASE_URL: OWNER,
  };

  test("is none in LOCAL, five seconds in PRODUCTION, and whatever is set in both", () => {
    expect(parseConfig({}).server.shutdownDrainMs).toBe(0);
    expect(parseConfig(production).server.shutdownDrainMs).toBe(5_000);
    expect(parseConfig({ SHUTDOWN_DRAIN_MS: "250" }).server.shutdownDrainMs).toBe(250);
    expect(parseConfig({ ...production, SHUTDOWN_DRAIN_MS: "0" }).server.shutdownDrainMs).toBe(0);
  });
});

describe("flags", () => {
  test.each([
    ["true", true],
    ["TRUE", true],
    ["1", true],
    ["false", false],
    ["False", false],
    ["0", false],
  ])("read %s", (text, expected) => {
    expect(parseConfig({ DPM_SUPPORT_APIS_ENABLED: text }).rebalance.areSupportApisEnabled).toBe(expected);
  });

  test.each(["yes", "on", "", " true", "2", "constructor"])("refuse %j", (text) => {
    expect(faultsOf({ MIGRATE_ON_START: text })).toEqual([
      `MIGRATE_ON_START must be true, false, 1 or 0, not ${JSON.stringify(text)}`,
    ]);
  });
});

describe("a bad value", () => {
  test.each([
    ["PORT", "65536", 'PORT must be an integer from 0 to 65535, not "65536"'],
    ["PORT", "8e3", 'PORT must be an integer from 0 to 65535, not "8e3"'],
    ["LOG_LEVEL", "loud", /^LOG_LEVEL must be one of fatal, .* not "loud"$/],
    ["UNKNOWN_FIELDS", "IGNORE", 'UNKNOWN_FIELDS must be one of refuse, ignore, not "IGNORE"'],
    ["HOST", "", 'HOST must be a text that is not empty, not ""'],
    [
      "DPM_WORKFLOW_REQUIRES_REVIEW_FOR_STATUSES",
      "READY,DONE",
      /comma list of READY, BLOCKED, PENDING_REVIEW/,
    ],
    ["DPM_TENANT_POLICY_PACK_MAP_JSON", '{"a":1}', /must be a JSON object of texts/],
    ["DPM_TENANT_POLICY_PACK_MAP_JSON", "[]", /must be a JSON object of texts/],
    ["RATE_LIMIT_PER_MINUTE", "-1", 'must be an integer from 0 to 1000000, not "-1"'],
    ["RATE_LIMIT_PER_MINUTE", "60/min", 'must be an integer from 0 to 1000000, not "60/min"'],
    ["CORS_ORIGINS", "*", 'must be a comma list of origins such as https://desk.example, not "*"'],
    ["CORS_ORIGINS", "null", 'not "null"'],
    ["CORS_ORIGINS", "desk.example", 'not "desk.example"'],
    ["CORS_ORIGINS", "https://a.example, https://b.example/app", 'not "https://b.example/app"'],
    ["CORS_ORIGINS", "https://*.example", 'not "https://*.example"'],
    ["CORS_ORIGINS", "ftp://desk.example", 'not "ftp://desk.example"'],
    ["CORS_ORIGINS", "file:///desk", 'not "file:///desk"'],
    ["CORS_ORIGINS", "https://me@desk.example", 'not "https://me@desk.example"'],
    ["DATABASE_URL", "mysql://u:secret@h/d", /^DATABASE_URL cannot be used: (?!.*secret)/],
  ])("of %s (%s) is one line that names it", (name, value, line) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(line);
    expect(faults[0]?.startsWith(`${name} `)).toBe(true);
  });

  test("does not hide another", () => {
    expect(faultsOf({ PORT: "x", DPM_WORKFLOW_ENABLED: "maybe", HOST: "" })).toHaveLength(3);
  });
});

describe("lists and maps", () => {
  test("an empty list of statuses means that no run needs a review", () => {
    const config = parseConfig({ DPM_WORKFLOW_REQUIRES_REVIEW_FOR_STATUSES: "" });
    expect(config.rebalance.review.requiredForStatuses).toEqual([]);
  });

  test("a list is read without blanks and repetitions", () => {
    const config = parseConfig({ DPM_WORKFLOW_REQUIRES_REVIEW_FOR_STATUSES: "READY, BLOCKED,READY" });
    expect(config.rebalance.review.requiredForStatuses).toEqual(["READY", "BLOCKED"]);
  });

  test("a tenant may have any name", () => {
    const config = parseConfig({ DPM_TENANT_POLICY_PACK_MAP_JSON: '{"__proto__":"pack_a"}' });
    expect([...config.rebalance.policyPacks.defaultByTenant]).toEqual([["__proto__", "pack_a"]]);
  });
});

describe("profile PRODUCTION", () => {
  const PRODUCTION = { APP_PERSISTENCE_PROFILE: "PRODUCTION", ...TOKENS };

  test("refuses the embedded database", () => {
    expect(faultsOf(PRODUCTION)).toEqual([
      "DATABASE_URL must be set in profile PRODUCTION, which refuses the embedded database",
    ]);
  });

  test("needs a login of its own for migrations at the start", () => {
    expect(faultsOf({ ...PRODUCTION, DATABASE_URL: SERVICE })).toEqual([
      "MIGRATION_DATABASE_URL must be set in profile PRODUCTION, or MIGRATE_ON_START be false",
    ]);
    const oneLogin = { ...PRODUCTION, DATABASE_URL: SERVICE, MIGRATION_DATABASE_URL: SERVICE };
    for (const environment of [oneLogin, { ...oneLogin, MIGRATE_ON_START: "false" }]) {
      expect(faultsOf(environment)).toEqual([
        "MIGRATION_DATABASE_URL must have another login than DATABASE_URL in profile PRODUCTION",
      ]);
    }
  });

  test("accepts two logins, or a schema that is migrated elsewhere", () => {
    const urls = { DATABASE_URL: SERVICE, MIGRATION_DATABASE_URL: OWNER };
    expect(parseConfig({ ...PRODUCTION, ...urls }).database.migrationUrl).toBe(OWNER);
    expect(faultsOf({ ...PRODUCTION, DATABASE_URL: SERVICE, MIGRATE_ON_START: "false" })).toEqual([]);
  });
});

describe("variables that contradict each other", () => {
  test.each(["MIGRATION_DATABASE_URL", "DATABASE_READ_URL"])("%s without DATABASE_URL is refused", (name) => {
    expect(faultsOf({ [name]: OWNER })).toEqual([`${name} is set, but DATABASE_URL is not`]);
  });

  test("a lock is not waited for longer than a statement may take", () => {
    const faults = faultsOf({ DATABASE_LOCK_TIMEOUT_MS: "6000", DATABASE_STATEMENT_TIMEOUT_MS: "5000" });
    expect(faults).toEqual([
      "DATABASE_LOCK_TIMEOUT_MS must not be longer than DATABASE_STATEMENT_TIMEOUT_MS",
    ]);
  });
});

describe("identity", () => {
  test("without tokens, it serves on loopback addresses alone", () => {
    for (const HOST of ["127.0.0.1", "127.9.9.9", "localhost", "::1"]) expect(faultsOf({ HOST })).toEqual([]);
    for (const HOST of ["0.0.0.0", "::", "10.0.0.5", "ballast.example"]) {
      expect(faultsOf({ HOST })).toEqual([
        "HOST must be a loopback address with AUTH_MODE none, unless AUTH_ALLOW_INSECURE is true",
      ]);
      expect(faultsOf({ HOST, AUTH_ALLOW_INSECURE: "true" })).toEqual([]);
      expect(faultsOf({ HOST, ...TOKENS })).toEqual([]);
    }
  });

  test("production needs tokens, and none of the development key", () => {
    const production = { APP_PERSISTENCE_PROFILE: "PRODUCTION", ...LOGINS };
    expect(faultsOf({ ...production, AUTH_ALLOW_INSECURE: "true" })).toEqual([
      "AUTH_MODE must be jwt in profile PRODUCTION",
    ]);
    expect(faultsOf({ ...production, AUTH_MODE: "jwt", JWT_DEVELOPMENT: "true" })).toEqual([
      "JWT_DEVELOPMENT is refused in profile PRODUCTION",
    ]);
    expect(faultsOf({ ...production, ...TOKENS, JWT_JWKS_URL: "http://issuer.example/keys" })).toEqual([
      "JWT_JWKS_URL must begin with https: in profile PRODUCTION",
    ]);
    expect(faultsOf({ ...production, ...TOKENS })).toEqual([]);
  });

  test("tokens need an issuer, an audience and one source of keys", () => {
    expect(faultsOf({ AUTH_MODE: "jwt" })).toEqual([
      "JWT_JWKS_URL must be set with AUTH_MODE jwt, or JWT_PUBLIC_KEY_FILE",
      "JWT_ISSUER must be set with AUTH_MODE jwt",
      "JWT_AUDIENCE must be set with AUTH_MODE jwt",
    ]);
    expect(faultsOf({ ...TOKENS, JWT_PUBLIC_KEY_FILE: "key.pem" })).toEqual([
      "JWT_JWKS_URL is one of three: JWT_JWKS_URL, JWT_PUBLIC_KEY_FILE or JWT_DEVELOPMENT",
    ]);
    expect(faultsOf({ AUTH_MODE: "jwt", JWT_DEVELOPMENT: "true" })).toEqual([]);
  });

  test.each(["HS256", "none", "RS256,HS512"])("the signature %s cannot be allowed", (JWT_ALGORITHMS) => {
    expect(faultsOf({ ...TOKENS, JWT_ALGORITHMS })).toHaveLength(1);
  });

  test("some signature has to be", () => {
    expect(faultsOf({ ...TOKENS, JWT_ALGORITHMS: "" })).toEqual(["JWT_ALGORITHMS must name one at least"]);
  });

  test("the default tenant has to be a name of one", () => {
    expect(faultsOf({ ...TOKENS, JWT_DEFAULT_TENANT: "two words" })).toEqual([
      "JWT_DEFAULT_TENANT must be 1 to 128 visible ASCII characters",
    ]);
    expect(faultsOf({ ...TOKENS, JWT_DEFAULT_TENANT: "demo" })).toEqual([]);
  });

  test("metrics are public in profile LOCAL, and behind a scope in PRODUCTION, unless it is said", () => {
    const metricsOf = (env: Record<string, string>) => parseConfig(env).auth.areMetricsPublic;
    const production = { APP_PERSISTENCE_PROFILE: "PRODUCTION", ...LOGINS, ...TOKENS };
    expect([metricsOf({}), metricsOf({ METRICS_PUBLIC: "false" })]).toEqual([true, false]);
    expect([metricsOf(production), metricsOf({ ...production, METRICS_PUBLIC: "true" })]).toEqual([
      false,
      true,
    ]);
  });
});

describe("browsers and limits", () => {
  test("no page of another site may call, and nobody is counted, unless it is said", () => {
    const { auth } = parseConfig({});
    expect([auth.corsOrigins, auth.requestsPerMinute]).toEqual([[], 0]);
    expect(auth.settings).toMatchObject({ mode: "none", allowedOrigins: [] });
    expect(parseConfig({ RATE_LIMIT_PER_MINUTE: "600" }).auth.requestsPerMinute).toBe(600);
  });

  test("origins are read as browsers send them, and may call where no token is asked for", () => {
    const { auth } = parseConfig({
      CORS_ORIGINS: "https://Desk.example:443/, http://[::1]:3000,https://desk.example",
    });
    const origins = ["https://desk.example", "http://[::1]:3000"];
    expect(auth.corsOrigins).toEqual(origins);
    expect(auth.settings).toMatchObject({ mode: "none", allowedOrigins: origins });
  });
});

describe("the migration command", () => {
  test("takes the migration login alone, else the one login there is", () => {
    expect(parseMigrationConfig({ MIGRATION_DATABASE_URL: OWNER, PORT: "x" }).url).toBe(OWNER);
    expect(parseMigrationConfig({ DATABASE_URL: SERVICE }).url).toBe(SERVICE);
  });

  test("names what it lacks", () => {
    expect(() => parseMigrationConfig({})).toThrow(/^MIGRATION_DATABASE_URL must be set/);
  });
});

describe("what the audit records of a start", () => {
  const production = { APP_PERSISTENCE_PROFILE: "PRODUCTION", ...LOGINS, ...TOKENS };

  test("is every variable with the value in force, those that follow from others too", () => {
    const recorded = parseConfig({ ...production, JWT_ALGORITHMS: "EdDSA" }).effectiveVariables;
    expect(Object.keys(recorded)).toEqual(describeVariables().map(({ name }) => name));
    expect(recorded).toMatchObject({
      APP_PERSISTENCE_PROFILE: "PRODUCTION",
      JWT_ALGORITHMS: ["EdDSA"],
      JWT_DEFAULT_TENANT: null,
      METRICS_PUBLIC: false,
      PORT: 8000,
      SHUTDOWN_DRAIN_MS: 5_000,
    });
  });

  test("holds no login, no password and no other tenant's name, and is bounded", () => {
    const long = (name: string) => Array.from({ length: 500 }, () => name).join(",");
    const recorded = parseConfig({
      ...production,
      DATABASE_READ_URL: SERVICE,
      JWT_JWKS_URL: "https://user:secret@issuer.example/keys?token=hidden#hidden",
      DPM_TENANT_POLICY_PACK_MAP_JSON: '{"hidden":"pack"}',
      ALLOWED_HOSTS: long("a.example"),
      JWT_AUDIENCE: long("x"),
    }).effectiveVariables;
    expect(JSON.stringify(recorded)).not.toMatch(/secret|hidden|user|db\.example/);
    expect(recorded).toMatchObject({ DATABASE_READ_URL: "set", JWT_JWKS_URL: "https://issuer.example/keys" });
    const hash: unknown = expect.stringMatching(/^sha256:/);
    expect(recorded).toMatchObject({ JWT_AUDIENCE: hash, DPM_TENANT_POLICY_PACK_MAP_JSON: hash });
  });
});
