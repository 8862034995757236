import { createPublicKey } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { SignJWT, UnsecuredJWT } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { DEVELOPMENT_ISSUER, developmentKey } from "../../../../../src/platform/http/auth/development-key.ts";
import { keyOfFile } from "../../../../../src/platform/http/auth/keys.ts";
import type { JwtSettings } from "../../../../../src/platform/http/auth/settings.ts";
import { canonicalJson } from "../../../../../src/platform/json/canonical-json.ts";
import { createLog } from "../../../../../src/platform/log.ts";
import { createMetrics } from "../../../../../src/platform/metrics.ts";
import { serve } from "../../../../support/http.ts";
import { listenOn, sendRaw } from "../../../../support/raw-http.ts";
import {
  AUDIENCE,
  ISSUER,
  jwtSettings,
  newKey,
  sign,
  startIssuer,
  type SigningKey,
  type TestIssuer,
  type TokenParts,
} from "../../../../support/tokens.ts";

let key: SigningKey;
let rsa: SigningKey;
let issuer: TestIssuer;
const folder = mkdtempSync(join(tmpdir(), "ballast-keys-"));
const opened: FastifyInstance[] = [];

beforeAll(async () => {
  key = await newKey("key_1");
  rsa = await newKey("key_rsa", "RS256");
  issuer = await startIssuer([key, rsa]);
});
afterEach(async () => {
  issuer.publish([key, rsa]);
  await Promise.all(opened.splice(0).map((app) => app.close()));
});
afterAll(async () => {
  await issuer.close();
  rmSync(folder, { recursive: true });
});

/** A service that answers who asks. */
async function service(more: Partial<JwtSettings> = {}, keys: JwtSettings["keys"] | null = null) {
  const lines: string[] = [];
  const metrics = createMetrics();
  const log = createLog("trace", { write: (line) => void lines.push(line) });
  const auth = jwtSettings(keys ?? { from: "issuer", url: issuer.url }, more);
  const app = await serve(
    (api) => {
      api.get("/me", { config: { scope: "authenticated" } }, ({ context: { caller, tenantId } }, reply) =>
        reply.answer(
          canonicalJson({
            scopes: [...(caller?.scopes ?? [])],
            subject: caller?.subject ?? null,
            tenant: tenantId,
            token: caller?.tokenId ?? null,
          }),
        ),
      );
      api.get("/open", { config: { scope: "public" } }, (_request, reply) => reply.answer("{}"));
      return Promise.resolve();
    },
    { log, metrics, auth },
  );
  opened.push(app);
  const ask = async (token: string | null, headers: Record<string, string> = {}, url = "/me") => {
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const {
      statusCode,
      body,
      headers: answered,
    } = await app.inject({ url, headers: { ...authorization, ...headers } });
    const detail = /"detail":"(\w+)"/.exec(body)?.[1];
    return { status: `${statusCode}${detail === undefined ? "" : ` ${detail}`}`, body, headers: answered };
  };
  return { app, ask, lines, metrics };
}

const now = () => Math.floor(Date.now() / 1000);
const good = (parts: TokenParts = {}) => sign(key, parts);

describe("a good token", () => {
  test("says who asks, for which tenant and with which scopes", async () => {
    const { ask } = await service();
    const token = await good({ claims: { jti: "t_1", scope: "rebalance:run  policies:read" } });
    const { status, body } = await ask(token);
    expect(status).toBe("200");
    expect(JSON.parse(body)).toEqual({
      scopes: ["rebalance:run", "policies:read"],
      subject: "advisor_1",
      tenant: "demo",
      token: "t_1",
    });
  });

  test.each<[string, TokenParts, Partial<JwtSettings>]>([
    ["with a list of scopes", { claims: { scp: ["a", "b"] } }, {}],
    ["of type at+jwt", { header: { typ: "at+JWT" } }, {}],
    ["of type application/at+jwt", { header: { typ: "application/at+jwt" } }, {}],
    ["that expired within the tolerance", { claims: { exp: now() - 5 } }, {}],
    ["for several audiences", { claims: { aud: ["other", AUDIENCE] } }, {}],
    ["without a tenant, where there is a default", { without: ["tenant_id"] }, { defaultTenant: "demo" }],
  ])("%s is one", async (_name, parts, more) => {
    const { ask } = await service(more);
    expect((await ask(await good(parts))).status).toBe("200");
  });

  test("may name its claims otherwise", async () => {
    const { ask } = await service({ claims: { subject: "upn", tenant: "org", scope: "roles" } });
    const token = await good({ claims: { upn: "u", org: "o", roles: ["r"] } });
    expect(JSON.parse((await ask(token)).body)).toMatchObject({ subject: "u", tenant: "o", scopes: ["r"] });
  });

  test("may be of any algorithm that is allowed, by its own key", async () => {
    const { ask } = await service();
    expect((await ask(await sign(rsa))).status).toBe("200");
    expect((await ask(await sign(rsa, { header: { alg: "PS256" } }))).status).toBe("401 TOKEN_INVALID");
    const narrow = await service({ algorithms: ["ES256"] });
    expect((await narrow.ask(await sign(rsa))).status).toBe("401 TOKEN_INVALID");
  });
});

describe("a token that is none", () => {
  test.each([
    [null, {}],
    ["abc", {}],
    ["a.b.c", {}],
    [null, { authorization: "Basic YTpi" }],
    [null, { authorization: "Bearer" }],
    [null, { authorization: "Bearer a b" }],
  ])("%j %j is 401 UNAUTHENTICATED with a plain challenge", async (token, headers) => {
    const { ask, metrics } = await service();
    const answer = await ask(token, headers);
    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([
      "401 UNAUTHENTICATED",
      'Bearer realm="ballast"',
    ]);
    expect(await metrics.registry.metrics()).toContain(
      'ballast_http_unauthenticated_total{code="UNAUTHENTICATED"} 1',
    );
  });

  test("two credentials are none", async () => {
    const { app } = await service();
    const port = await listenOn(app);
    const line = `Authorization: Bearer ${await good()}`;
    const statusOf = async (...lines: string[]) => {
      const head = ["GET /me HTTP/1.1", "Host: localhost", "Connection: close", ...lines];
      const answers = await sendRaw(port, `${head.join("\r\n")}\r\n\r\n`);
      return answers.map(({ status }) => status);
    };
    expect([await statusOf(line), await statusOf(line, line)]).toEqual([[200], [401]]);
  });
});

describe("a token that is no good", () => {
  test.each<[string, TokenParts]>([
    ["not yet valid", { claims: { nbf: now() + 120 } }],
    ["of another issuer", { claims: { iss: "https://other.example" } }],
    ["without an issuer", { without: ["iss"] }],
    ["for another audience", { claims: { aud: "other" } }],
    ["without an end", { without: ["exp"] }],
    ["without a subject", { without: ["sub"] }],
    ["with an empty subject", { claims: { sub: "" } }],
    ["with an invisible character in its subject", { claims: { sub: "advisor\u200b_1" } }],
    ["with a blank after its subject", { claims: { sub: "advisor_1 " } }],
    ["with a subject of more than 255 characters", { claims: { sub: "a".repeat(256) } }],
    ["with a token id of more than 255 characters", { claims: { jti: "a".repeat(256) } }],
    ["with an invisible character in its token id", { claims: { jti: "t\u200b_1" } }],
    ["with a subject that is not normal", { claims: { sub: "ａdvisor" } }],
    ["without a tenant", { without: ["tenant_id"] }],
    ["with a tenant that is no name", { claims: { tenant_id: "a b" } }],
    ["with a number for its scopes", { claims: { scope: 1 } }],
    ["with a number among its scopes", { claims: { scp: ["a", 1] }, without: ["scope"] }],
    ["of another type", { header: { typ: "dpop+jwt" } }],
    ["of no type", { header: { typ: undefined } }],
    ["of an unknown key", { header: { kid: "key_9" } }],
    ["of another's key id", { header: { kid: "key_rsa" } }],
  ])("%s is 401 TOKEN_INVALID", async (_name, parts) => {
    const { ask } = await service();
    const answer = await ask(await good(parts));
    expect(answer.status).toBe("401 TOKEN_INVALID");
    expect(answer.headers["www-authenticate"]).toBe(
      'Bearer realm="ballast", error="invalid_token", error_description="the token is not valid here"',
    );
  });

  test("expired is 401 TOKEN_EXPIRED", async () => {
    const { ask } = await service();
    const answer = await ask(await good({ claims: { exp: now() - 31 } }));
    expect(answer.status).toBe("401 TOKEN_EXPIRED");
    expect(answer.headers["www-authenticate"]).toContain('error="invalid_token"');
  });

  test("signed with the public key as a secret is refused", async () => {
    const { ask } = await service();
    for (const alg of ["HS256", "HS384", "HS512"]) {
      const secret = createPublicKey(rsa.key).export({ type: "spki", format: "pem" });
      const token = await new SignJWT({ sub: "x", tenant_id: "demo" })
        .setProtectedHeader({ alg, kid: rsa.kid, typ: "JWT" })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setExpirationTime("1m")
        .sign(Buffer.from(secret));
      expect((await ask(token)).status).toBe("401 TOKEN_INVALID");
    }
  });

  test("without a signature is refused", async () => {
    const { ask } = await service();
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: "x", tenant_id: "demo", exp: now() + 60 };
    const unsigned = new UnsecuredJWT(claims).encode();
    expect((await ask(unsigned)).status).toBe("401 TOKEN_INVALID");
    const [head = "", body = ""] = (await good()).split(".");
    expect((await ask(`${head}.${body}.`)).status).toBe("401 TOKEN_INVALID");
  });

  test("changed after it was signed is refused", async () => {
    const { ask } = await service();
    const [head = "", , signature = ""] = (await good()).split(".");
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: "boss", tenant_id: "demo", exp: now() + 60 };
    const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
    expect((await ask(`${head}.${body}.${signature}`)).status).toBe("401 TOKEN_INVALID");
  });
});

describe("the tenant", () => {
  test("of the token is the tenant; another in X-Tenant-Id is 403", async () => {
    const { ask } = await service();
    const token = await good();
    expect((await ask(token, { "x-tenant-id": "demo" })).status).toBe("200");
    expect((await ask(token, { "x-tenant-id": "other" })).status).toBe("403 TENANT_MISMATCH");
    expect((await ask(token, { "x-tenant-id": "default" })).status).toBe("403 TENANT_MISMATCH");
  });
});

describe("several X-Tenant-Id", () => {
  test("are 403 where one of them names another tenant, whichever comes first", async () => {
    const { app } = await service();
    const port = await listenOn(app);
    const authorization = `Authorization: Bearer ${await good()}`;
    const statusOf = async (...tenants: string[]) => {
      const lines = [authorization, ...tenants.map((tenant) => `X-Tenant-Id: ${tenant}`)];
      const head = ["GET /me HTTP/1.1", "Host: localhost", "Connection: close", ...lines];
      const answers = await sendRaw(port, `${head.join("\r\n")}\r\n\r\n`);
      return answers.map(({ status }) => status);
    };
    expect([await statusOf("demo", "other"), await statusOf("other", "demo")]).toEqual([[403], [403]]);
    expect(await statusOf("demo")).toEqual([200]);
  });
});

describe("what is there", () => {
  test("is nobody's business who has no token: 401 ahead of 404 and 405", async () => {
    const { ask, app } = await service();
    expect((await ask(null, {}, "/nothing")).status).toBe("401 UNAUTHENTICATED");
    expect((await app.inject({ method: "DELETE", url: "/me" })).statusCode).toBe(401);
    const token = await good();
    expect((await ask(token, {}, "/nothing")).status).toBe("404 ROUTE_NOT_FOUND");
    const headers = { authorization: `Bearer ${token}` };
    expect((await app.inject({ method: "DELETE", url: "/me", headers })).statusCode).toBe(405);
  });

  test("is open where it is public, whatever the token", async () => {
    const { ask } = await service();
    expect((await ask(null, {}, "/open")).status).toBe("200");
    expect((await ask("abc", {}, "/open")).status).toBe("200");
  });
});

describe("the log", () => {
  test("has subject and token id, and nothing else of a token", async () => {
    const { ask, lines } = await service();
    const token = await good({ claims: { jti: "t_7", email: "someone@bank.example" } });
    await ask(token);
    await ask(`${token}x`);
    const text = lines.join("");
    expect(text).toContain('"subject":"advisor_1","tokenId":"t_7"');
    expect(text).toContain('"code":"TOKEN_INVALID"');
    for (const part of [...token.split("."), "someone@bank.example"]) expect(text).not.toContain(part);
  });
});

describe("keys", () => {
  test("of an issuer are fetched at the start, and once more for a key id that is new", async () => {
    const before = issuer.fetches();
    const { ask, app } = await service();
    await app.ready();
    expect(issuer.fetches() - before).toBe(1);
    await ask(await good());
    expect(issuer.fetches() - before).toBe(1);
    const next = await newKey("key_2", "EdDSA");
    issuer.publish([next]);
    expect((await ask(await sign(next))).status).toBe("200");
    expect(issuer.fetches() - before).toBe(2);
    expect((await ask(await good())).status).toBe("401 TOKEN_INVALID");
  });

  test("that are known stay good while the issuer fails; others cannot be judged", async () => {
    const { ask, app } = await service();
    await app.ready();
    issuer.publish(null);
    expect((await ask(await good())).status).toBe("200");
    const unknown = await sign(await newKey("key_3"));
    const answer = await ask(unknown);
    expect([answer.status, answer.headers["retry-after"]]).toEqual([
      "503 IDENTITY_PROVIDER_UNAVAILABLE",
      "5",
    ]);
    expect((await ask(await good())).status).toBe("200");
  });

  test("that cannot be fetched do not stop the start", async () => {
    issuer.publish(null);
    const { ask, lines } = await service();
    expect((await ask(await good())).status).toBe("503 IDENTITY_PROVIDER_UNAVAILABLE");
    expect((await ask(null)).status).toBe("401 UNAUTHENTICATED");
    expect(lines.join("")).toContain("the issuer's keys could not be fetched");
  });

  test("can come from a file with the public key", async () => {
    const path = join(folder, "public.pem");
    writeFileSync(path, createPublicKey(rsa.key).export({ type: "spki", format: "pem" }));
    const { ask } = await service({}, { from: "file", path });
    expect((await ask(await sign(rsa))).status).toBe("200");
    expect((await ask(await sign(key))).status).toBe("401 TOKEN_INVALID");
  });

  test.each([
    ["that is not there", "", {}, /^JWT_PUBLIC_KEY_FILE cannot be read/],
    ["that holds no key", "no key", {}, /holds no public key/],
    ["that holds the private key", "PRIVATE", {}, /holds a private key/],
    [
      "of a key that no allowed algorithm is for",
      "PUBLIC",
      { algorithms: ["RS256"] as const },
      /JWT_ALGORITHMS/,
    ],
  ])("in a file %s stop the start", async (_name, content, more, message) => {
    const path = join(folder, `${content}.pem`);
    const pems: Record<string, string> = {
      PRIVATE: key.key.export({ type: "pkcs8", format: "pem" }).toString(),
      PUBLIC: createPublicKey(key.key).export({ type: "spki", format: "pem" }).toString(),
    };
    if (content !== "") writeFileSync(path, pems[content] ?? content);
    await expect(service(more, { from: "file", path })).rejects.toThrow(message);
  });

  test("of development are made once, for their owner alone", async () => {
    const path = join(folder, "deeper", "token-key.pem");
    const made = { kid: "", alg: "ES256", key: developmentKey(path), jwk: {} };
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { ask } = await service({ issuer: DEVELOPMENT_ISSUER }, { from: "development", path });
    const token = await sign(made, { claims: { iss: DEVELOPMENT_ISSUER } });
    expect((await ask(token)).status).toBe("200");
    expect((await ask(await good({ claims: { iss: DEVELOPMENT_ISSUER } }))).status).toBe("401 TOKEN_INVALID");
  });

  test("of development are not written through a link that somebody laid in their place", () => {
    const [target, path] = [join(folder, "elsewhere.pem"), join(folder, "link.pem")];
    symlinkSync(target, path);
    expect(() => developmentKey(path)).toThrow(/EEXIST/);
    expect(existsSync(target)).toBe(false);
  });

  test("of a file are good for the signatures that are made with such a key alone", () => {
    const path = join(folder, "rsa.pem");
    writeFileSync(path, createPublicKey(rsa.key).export({ type: "spki", format: "pem" }));
    expect(keyOfFile(path, ["RS256", "PS512", "ES256", "EdDSA"]).algorithms).toEqual(["RS256", "PS512"]);
  });
});
