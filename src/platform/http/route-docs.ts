/** The words in which a route's schema is documented. Nothing here runs when a request comes. */
import type * as z from "zod";

/** One successful answer, in the form of Fastify's response schemas. Without a schema it has no body. */
export function answer(
  description: string,
  schema?: z.ZodType,
  { mediaType = "application/json", example }: { mediaType?: string; example?: unknown } = {},
) {
  return schema === undefined
    ? { description, type: "null" }
    : { description, content: { [mediaType]: { schema, example } } };
}

/** A header in JSON Schema. What reads it is `context.ts`. */
export type HeaderDoc = { readonly type: string; readonly description: string };
export type HeaderDocs = Readonly<Record<string, HeaderDoc>>;

/** Request headers of one route beyond those of every route, by name. */
export function headerDocs(descriptions: Readonly<Record<string, string>>): HeaderDocs {
  return Object.fromEntries(Object.entries(descriptions).map(([name, text]) => [name, visibleText(text)]));
}

/** A header of visible ASCII characters. */
export function visibleText(description: string, maxLength = 128) {
  return { type: "string", minLength: 1, maxLength, pattern: "^[\\x21-\\x7e]+$", description };
}
