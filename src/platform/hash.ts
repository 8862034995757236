import { createHash } from "node:crypto";

export function sha256Hex(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** The hash of a document: SHA-256 over exactly the bytes that are stored and sent, with the algorithm in front. */
export function contentHash(text: string): string {
  return `sha256:${sha256Hex(text)}`;
}
