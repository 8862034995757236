import { readJsonBody, type JsonTree } from "./read-json.ts";

/**
 * Reads a document that this service stored, as the strict reader reads a body, for a schema to read it again. Throws
 * where the text is no JSON: then somebody else changed it.
 */
export function readStoredJson(text: string): JsonTree {
  const body = readJsonBody(Buffer.from(text, "utf8"));
  if (!body.ok) throw new Error(`a stored document is not readable: ${body.reason}`);
  return body.value;
}
