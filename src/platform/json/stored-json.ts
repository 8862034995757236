import type * as z from "zod";
import { parseStored } from "../../contract/wire.ts";
import { readJsonBody } from "./read-json.ts";

/**
 * A document that this service stored, read through the contract that it passed then. Undefined where it is no such
 * document any more: then somebody else changed it.
 */
export function readStoredAs<T>(schema: z.ZodType<T>, text: string): T | undefined {
  const body = readJsonBody(Buffer.from(text, "utf8"));
  return body.ok ? parseStored(schema, body.value).data : undefined;
}

/** The same of a document that is known to be unaltered. Throws where it cannot be read. */
export function readStored<T>(schema: z.ZodType<T>, text: string): T {
  const body = readJsonBody(Buffer.from(text, "utf8"));
  if (!body.ok) throw new Error(`a stored document is not readable: ${body.reason}`);
  const { success, data, error } = parseStored(schema, body.value);
  if (success) return data;
  throw new Error("a stored document does not pass its contract", { cause: error });
}
