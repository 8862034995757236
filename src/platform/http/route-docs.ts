/** The words in which a route's schema is documented. Nothing here runs when a request comes. */
import type * as z from "zod";

/** One successful answer, in the form of Fastify's response schemas. Without a schema it has no body. */
export function answer(
  description: string,
  schema?: z.ZodType,
  {
    mediaType = "application/json",
    example,
    headers = {},
  }: { mediaType?: string; example?: unknown; headers?: HeaderDocs } = {},
) {
  return schema === undefined
    ? { description, headers, type: "null" }
    : { description, headers, content: { [mediaType]: { schema, example } } };
}

/** Where a caller may go from an answer: the operations that take this value of it as the parameter. */
export function linksBy(parameter: string, pointer: string, ...operationIds: readonly string[]) {
  const parameters = { [parameter]: `$response.body#/${pointer}` };
  return Object.fromEntries(operationIds.map((operationId) => [operationId, { operationId, parameters }]));
}

/** A header in JSON Schema. What reads it is `context.ts`. */
export type HeaderDoc = { readonly type: string; readonly description: string };

/** A header whose form is not looked at. */
export function anyText(description: string): HeaderDoc {
  return { type: "string", description };
}

export type HeaderDocs = Readonly<Record<string, HeaderDoc>>;

/** Request headers of one route beyond those of every route, by name. */
export function headerDocs(descriptions: Readonly<Record<string, string>>): HeaderDocs {
  return Object.fromEntries(Object.entries(descriptions).map(([name, text]) => [name, visibleText(text)]));
}

/** A header of visible ASCII characters. */
export function visibleText(description: string, maxLength = 128) {
  return { type: "string", minLength: 1, maxLength, pattern: "^[\\x21-\\x7e]+$", description };
}
