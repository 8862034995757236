import * as z from "zod";
import { canonicalJson } from "../json/canonical-json.ts";

/** Parts of a document are plain JSON; the tests hold that it is a valid one. */
export type Json = Readonly<Record<string, unknown>>;

/** What the operations refer to; filled while they are described. */
export type Components = {
  readonly schemas: Record<string, unknown>;
  readonly examples: Record<string, unknown>;
  readonly responses: Record<string, unknown>;
};

export function createComponents(): Components {
  return { schemas: {}, examples: {}, responses: {} };
}

/** The JSON Schema of a type. What has an id goes to the components, and a reference to it comes back. */
export function jsonSchemaOf(type: z.ZodType, io: "input" | "output", components: Components): Json {
  const { properties, $defs } = z.toJSONSchema(z.strictObject({ it: type }), {
    io,
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // As a client may write it: decimals are texts, also within a map.
      if (def.type === "default") jsonSchema.default = JSON.parse(canonicalJson(def.defaultValue));
      delete jsonSchema.id;
    },
  });
  Object.assign(components.schemas, withComponentRefs($defs ?? {}));
  return withComponentRefs(properties?.["it"] ?? {});
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
  const properties = fields.map(([name, field]) => [name, jsonSchemaOf(field, "input", components)] as const);
  const required = fields.filter(([, field]) => !field.safeParse(undefined).success).map(([name]) => name);
  return { [part]: { type: "object", properties: Object.fromEntries(properties), required } };
}
