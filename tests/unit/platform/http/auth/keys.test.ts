import { afterEach, expect, test } from "vitest";
import { createLog } from "../../../../../src/platform/log.ts";
import { issuerKeys } from "../../../../../src/platform/http/auth/keys.ts";
import { verifyToken } from "../../../../../src/platform/http/auth/verify-token.ts";
import { jwtSettings, newKey, sign, startIssuer, type TestIssuer } from "../../../../support/tokens.ts";

const issuers: TestIssuer[] = [];
afterEach(async () => {
  await Promise.all(issuers.splice(0).map((issuer) => issuer.close()));
});

async function setUp() {
  const key = await newKey("key_1");
  const issuer = await startIssuer([key]);
  issuers.push(issuer);
  const clock = { now: 0 };
  const log = createLog("silent");
  const keys = issuerKeys(new URL(issuer.url), { algorithms: ["ES256"], log, now: () => clock.now });
  await keys.load();
  const settings = jwtSettings({ from: "issuer", url: issuer.url });
  const check = async (token: string) => {
    const outcome = await verifyToken(token, keys, settings);
    return outcome.ok ? "good" : outcome.code;
  };
  return { key, issuer, clock, check };
}

test("unknown key ids make one fetch in five seconds, however many tokens come with them", async () => {
  const { issuer, clock, check } = await setUp();
  for (let at = 0; at < 20; at += 1)
    expect(await check(await sign(await newKey(`x_${at}`)))).toBe("TOKEN_INVALID");
  expect(issuer.fetches()).toBe(2);
  clock.now += 5_000;
  await check(await sign(await newKey("x")));
  expect(issuer.fetches()).toBe(3);
});

test("keys are fetched anew after ten minutes, beside the request, so that a withdrawn one leaves", async () => {
  const { key, issuer, clock, check } = await setUp();
  const next = await newKey("key_2");
  issuer.publish([next]);
  clock.now += 599_000;
  expect(await check(await sign(key))).toBe("good");
  expect(issuer.fetches()).toBe(1);
  clock.now += 1_000;
  expect(await check(await sign(key))).toBe("good");
  const withdrawn = await sign(key);
  await expect.poll(() => check(withdrawn)).toBe("TOKEN_INVALID");
});

test("an issuer that failed in the background is left alone for half a minute, and its keys stay good", async () => {
  const { key, issuer, clock, check } = await setUp();
  issuer.publish(null);
  clock.now += 600_000;
  for (let at = 0; at < 5; at += 1) expect(await check(await sign(key))).toBe("good");
  await expect.poll(issuer.fetches).toBe(2);
  clock.now += 30_000;
  expect(await check(await sign(key))).toBe("good");
  await expect.poll(issuer.fetches).toBe(3);
});
