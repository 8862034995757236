import { hash } from "node:crypto";

/** SHA-256 of the text's UTF-8 bytes, in hex. */
export function sha256Hex(text: string): string {
  return hash("sha256", text, "hex");
}

/** A hash that says how it was made. */
export function contentHash(text: string): string {
  return `sha256:${sha256Hex(text)}`;
}
