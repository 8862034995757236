import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** What tokens of the development key say of their origin, unless JWT_ISSUER and JWT_AUDIENCE do. */
export const DEVELOPMENT_ISSUER = "ballast-development";
export const DEVELOPMENT_AUDIENCE = "ballast";
export const DEVELOPMENT_ALGORITHM = "ES256";

/** The private key of this folder, for trying tokens out; made on first use, readable by its owner alone. */
export function developmentKey(path: string): KeyObject {
  return createPrivateKey(readPem(path) ?? makePem(path));
}

function readPem(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}

/** Of two processes that make it at once, one does, and both use that. */
function makePem(path: string): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(path, pem, { mode: 0o600, flag: "wx" });
    return pem;
  } catch (error) {
    const other = readPem(path);
    if (other === undefined) throw error;
    return other;
  }
}

function isNotThere(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
