import * as z from "zod";
import { shownAs } from "../../contract/wire.ts";
import { canonicalJson } from "../json/canonical-json.ts";
import { isJson, readable, type Json } from "./openapi-readable.ts";

/** What the operations refer to; filled while they are described. */
/** A response of the document. */
export type Answer = { description?: string; headers?: Record<string, unknown>; content?: Json };

export type Components = {
  readonly schemas: Record<string, unknown>;
  readonly examples: Record<string, unknown>;
  readonly responses: Record<string, Answer>;
  /** Answers of before, by the name of their schema, which are examples. */
  readonly answers: Json;
};

export function createComponents(answers: Json): Components {
  return { schemas: {}, examples: {}, responses: {}, answers };
}

/** The JSON Schema of a type. What has an id goes to the components, and a reference to it comes back. */
export function jsonSchemaOf(type: z.ZodType, io: "input" | "output", components: Components): Json {
  return readable(convert(type, io, components), io);
}

function convert(type: z.ZodType, io: "input" | "output", components: Components): Json {
  const { properties, $defs } = z.toJSONSchema(z.strictObject({ it: type }), {
    io,
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // As a client may write it: decimals are texts, also within a map.
      if (def.type === "default") jsonSchema.default = JSON.parse(canonicalJson(def.defaultValue));
      if (zodSchema instanceof z.ZodDiscriminatedUnion)
        jsonSchema["discriminator"] = discriminator(zodSchema);
      delete jsonSchema.id;
      const shown = shownAs.get(zodSchema);
      if (shown === undefined) return;
      delete jsonSchema.anyOf;
      Object.assign(jsonSchema, jsonSchemaOf(shown, io, components));
    },
  });
  for (const [name, schema] of Object.entries(withComponentRefs($defs ?? {}))) {
    components.schemas[name] = readable(schema, io, name);
  }
  return withComponentRefs(properties?.["it"] ?? {});
}

/** Which member of a union a value is, in the words of OpenAPI. */
function discriminator({ def: { discriminator: propertyName, options } }: z.ZodDiscriminatedUnion): Json {
  const mapping = options.flatMap((option) => {
    const id = z.globalRegistry.get(option)?.id;
    const values = [...(option._zod.propValues?.[propertyName] ?? [])];
    return id === undefined ? [] : values.map((value) => [String(value), `#/components/schemas/${id}`]);
  });
  return { propertyName, mapping: Object.fromEntries(mapping) };
}

/** zod refers to `#/$defs/Money`, the document to `#/components/schemas/Money`. */
function withComponentRefs(schema: unknown): Json {
  const text = JSON.stringify(schema).replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/');
  return JSON.parse(text) as Json;
}

/** The parameters of a path or query, field by field, under the name that a route schema has for them. */
export function parametersOf(
  part: "params" | "querystring",
  type: unknown,
  components: Components,
): Readonly<Record<string, unknown>> {
  if (!(type instanceof z.ZodObject)) return {};
  const fields = Object.entries<z.ZodType>(type.shape);
  const properties = Object.fromEntries(
    fields.map(([name, field]) => [name, convert(field, "input", components)]),
  );
  const required = fields.filter(([, field]) => !field.safeParse(undefined).success).map(([name]) => name);
  const { properties: described } = readable({ type: "object", properties }, "input");
  return { [part]: { type: "object", properties: withoutReferences(described), required } };
}

/** @fastify/swagger drops what stands beside a reference: it is wrapped until `finish` unwraps it. */
function withoutReferences(properties: unknown): Json {
  if (!isJson(properties)) return {};
  const fields = Object.entries(properties).map(([name, field]) => {
    const { $ref, ...beside }: Json = isJson(field) ? field : {};
    return [name, $ref === undefined ? field : { allOf: [{ $ref }], ...beside }] as const;
  });
  return Object.fromEntries(fields);
}
