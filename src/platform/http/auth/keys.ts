import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRemoteJWKSet, errors, type CryptoKey, type JWTVerifyGetKey } from "jose";
import { messageOf } from "../../error-message.ts";
import type { Log } from "../../log.ts";

/** Signatures that are checked with a public key. None of them can be made by whoever knows that key. */
export const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

export type Algorithm = (typeof ALGORITHMS)[number];

/** Where the keys of an issuer come from. */
export type TokenKeys = {
  readonly algorithms: readonly Algorithm[];
  readonly find: JWTVerifyGetKey;
  /** What can be fetched ahead of the first request; never rejects. */
  readonly load: () => Promise<void>;
};

/** The issuer could not be asked for a key that is not known here: whether the token is good, nobody can tell. */
export class IssuerUnavailableError extends Error {}

/** Keys older than this are fetched anew beside the requests, so that a withdrawn one leaves. */
const REFRESH_MS = 600_000;
/** An issuer that failed is left alone for this long. */
const RETRY_MS = 30_000;
/** Requests with unknown key ids make no more than one fetch in this time. */
const COOLDOWN_MS = 5_000;
const TIMEOUT_MS = 5_000;

export type IssuerOptions = {
  readonly algorithms: readonly Algorithm[];
  readonly log: Pick<Log, "warn">;
  readonly now?: () => number;
};

/**
 * The keys that an issuer publishes. They are kept for good once fetched, whatever becomes of the issuer; a key id that is
 * not among them has them fetched at once, and time has them fetched in the background.
 */
export function issuerKeys(
  url: URL,
  { algorithms, log, now = () => performance.now() }: IssuerOptions,
): TokenKeys {
  const keySet = createRemoteJWKSet(url, {
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    timeoutDuration: TIMEOUT_MS,
  });
  let hasFailed = false;
  let demandedAt = -Infinity;
  let refreshAt = -Infinity;

  const fetchKeys = async () => {
    refreshAt = now() + RETRY_MS;
    try {
      await keySet.reload();
      hasFailed = false;
      refreshAt = now() + REFRESH_MS;
    } catch (error) {
      hasFailed = true;
      log.warn(
        { reason: messageOf(error) },
        "the issuer's keys could not be fetched: those known stay in use",
      );
    }
  };
  /** False: it was done a moment ago. */
  const fetchOnDemand = async (): Promise<boolean> => {
    if (!keySet.reloading) {
      if (now() - demandedAt < COOLDOWN_MS) return false;
      demandedAt = now();
    }
    await fetchKeys();
    return !hasFailed;
  };
  const find: JWTVerifyGetKey = async (header, token) => {
    if (keySet.jwks() === undefined) await fetchOnDemand();
    else if (now() >= refreshAt && !keySet.reloading) void fetchKeys();
    if (keySet.jwks() === undefined) throw new IssuerUnavailableError();
    try {
      return await keySet(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      if (await fetchOnDemand()) return keySet(header, token);
      if (hasFailed) throw new IssuerUnavailableError("", { cause: error });
      throw error;
    }
  };
  return { algorithms, find, load: fetchKeys };
}

/** The one key of a PEM file. Throws an Error that names the variable to set. */
export function keyOfFile(path: string, algorithms: readonly Algorithm[]): TokenKeys {
  const key = readPublicKey(path);
  const usable = algorithms.filter((algorithm) => fits(algorithm, key));
  if (usable.length === 0)
    throw new Error(`JWT_PUBLIC_KEY_FILE ${path} holds a key that none of JWT_ALGORITHMS is for`);
  return keyOf(key, usable);
}

/** One key that is known from the start. */
export function keyOf(key: KeyObject | CryptoKey, algorithms: readonly Algorithm[]): TokenKeys {
  return { algorithms, find: () => Promise.resolve(key), load: () => Promise.resolve() };
}

function readPublicKey(path: string): KeyObject {
  let pem: string;
  try {
    pem = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`JWT_PUBLIC_KEY_FILE cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (pem.includes("PRIVATE KEY"))
    throw new Error(`JWT_PUBLIC_KEY_FILE ${path} holds a private key: give the service the public one alone`);
  try {
    return createPublicKey(pem);
  } catch {
    throw new Error(`JWT_PUBLIC_KEY_FILE ${path} holds no public key in PEM`);
  }
}

const CURVES: Readonly<Record<string, Algorithm>> = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
};

function fits(algorithm: Algorithm, { asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject): boolean {
  switch (type) {
    case "rsa":
      return algorithm.startsWith("RS") || algorithm.startsWith("PS");
    case "ec":
      return algorithm === CURVES[asymmetricKeyDetails?.namedCurve ?? ""];
    case "ed25519":
      return algorithm === "EdDSA";
    default:
      return false;
  }
}
