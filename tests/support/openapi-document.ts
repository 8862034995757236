import { readFileSync } from "node:fs";
import * as z from "zod";

/** A schema of the document, as far as the tests look into it. */
export type Schema = { readonly [keyword: string]: unknown };

const Schema = z.record(z.string(), z.unknown());
const Parameter = z.looseObject({
  name: z.string(),
  in: z.enum(["path", "query", "header"]),
  description: z.string().optional(),
  schema: Schema,
});
const Media = z.looseObject({
  schema: Schema,
  example: z.unknown().optional(),
  examples: z.record(z.string(), z.unknown()).optional(),
});
const Link = z.object({ operationId: z.string(), parameters: z.record(z.string(), z.string()) });
const Answer = z.looseObject({
  description: z.string().min(1),
  headers: z.record(z.string(), z.unknown()),
  content: z.record(z.string(), Media).optional(),
  links: z.record(z.string(), Link).optional(),
});
export const Operation = z.looseObject({
  operationId: z.string().min(1),
  tags: z.array(z.string()).min(1),
  summary: z.string().min(1),
  description: z.string().optional(),
  parameters: z.array(Parameter),
  requestBody: z.looseObject({ content: z.record(z.string(), Media) }).optional(),
  responses: z.record(z.string(), Answer),
});
export const Document = z.looseObject({
  openapi: z.literal("3.1.0"),
  info: z.looseObject({ version: z.string() }),
  servers: z.array(z.object({ url: z.string(), description: z.string().min(1) })).min(1),
  tags: z.array(z.object({ name: z.string(), description: z.string().min(1) })),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.looseObject({
    schemas: z.record(z.string(), Schema),
    headers: z.record(z.string(), z.looseObject({ description: z.string().min(1) })),
    examples: z.record(z.string(), z.object({ value: z.unknown() })),
  }),
});
export type Document = z.output<typeof Document>;

const Referring = z.looseObject({
  paths: z.record(
    z.string(),
    z.record(z.string(), z.looseObject({ responses: z.record(z.string(), z.unknown()) })),
  ),
  components: z.looseObject({ responses: z.record(z.string(), z.unknown()) }),
});
const Reference = z.object({ $ref: z.string().startsWith("#/components/responses/") });

/** Puts answers that are components where operations refer to them. */
function resolveAnswers({ paths, components, ...rest }: z.output<typeof Referring>) {
  const resolve = (answer: unknown) => {
    const { data } = Reference.safeParse(answer);
    return data === undefined ? answer : components.responses[data.$ref.replace(/^.*\//, "")];
  };
  for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
    const answers = Object.entries(operation.responses);
    operation.responses = Object.fromEntries(answers.map(([status, answer]) => [status, resolve(answer)]));
  }
  return { ...rest, paths, components };
}

/** The published document; `npm run check:openapi` holds that it is what the code says. */
export const publishedText = readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8");
export const published = Document.parse(resolveAnswers(Referring.parse(JSON.parse(publishedText))));

export function operationsOf({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method,
      path,
      operation,
    })),
  );
}

/** A schema with the place where it stands: `RunStatus`, `Position/properties/lots/items`. */
export type Placed = { readonly place: string; readonly schema: Schema };

/** A schema and all schemas within it, references not followed. */
export function* schemasWithin(schema: unknown, place: string): Generator<Placed> {
  const { success, data } = Schema.safeParse(schema);
  if (!success) return;
  yield { place, schema: data };
  const { properties, items, additionalProperties } = data;
  for (const [name, field] of Object.entries(Schema.safeParse(properties).data ?? {}))
    yield* schemasWithin(field, `${place}/${name}`);
  yield* schemasWithin(items, `${place}/items`);
  yield* schemasWithin(additionalProperties, `${place}/additionalProperties`);
  for (const union of [data["anyOf"], data["oneOf"], data["allOf"]]) {
    for (const part of Array.isArray(union) ? union : []) yield* schemasWithin(part, `${place}/of`);
  }
}

const REFERENCE = "#/components/schemas/";

/** The components that a schema leads to, directly or by others. */
export function componentsOf(schema: unknown, document: Document, found = new Set<string>()): Set<string> {
  for (const { schema: inner } of schemasWithin(schema, "")) {
    const { $ref } = inner;
    const name = typeof $ref === "string" ? $ref.slice(REFERENCE.length) : undefined;
    if (name === undefined || found.has(name)) continue;
    found.add(name);
    componentsOf(document.components.schemas[name], document, found);
  }
  return found;
}
