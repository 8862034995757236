import { meaningOf } from "../../contract/glossary/glossary.ts";

/** Parts of a document are plain JSON; the tests hold that it is a valid one. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * A schema as those who read it, people and generators of clients, get along with it:
 * - each field says what it means;
 * - a default is told in words: beside a reference, or as a text for a type of two, generators trip over it, and of
 *   others they make a required field;
 * - an answer may get further fields, and its texts another form: a client must not refuse them.
 *
 * `owner` is the component that it is the schema of.
 */
export function readable(schema: unknown, io: "input" | "output", owner?: string): Json {
  return isJson(schema) ? readableSchema(schema, { io, owner: owner?.replace(/^Recorded/, "") }) : {};
}

type Place = { readonly io: "input" | "output"; readonly owner: string | undefined };

function readableSchema(schema: Json, place: Place): Json {
  const { default: fallback, properties, description, ...rest } = nullInType(schema);
  const kept = Object.entries(rest).filter(([keyword, value]) => !isLeftOut(keyword, value, place));
  const parts = kept.map(([keyword, value]) => [keyword, readablePart(keyword, value, place)] as const);
  const told = fallback === undefined ? "" : `Default: \`${JSON.stringify(fallback)}\`.`;
  const words = [description, told].filter((text) => typeof text === "string" && text !== "").join(" ");
  return {
    ...Object.fromEntries(parts),
    ...(isJson(properties) ? { properties: readableFields(properties, place) } : {}),
    ...(words === "" ? {} : { description: words }),
  };
}

/** `anyOf` of a plain type and null is written as one type, which no generator makes a union of. */
function nullInType({ anyOf, ...schema }: Json): Json {
  if (!Array.isArray(anyOf)) return { ...schema, ...(anyOf === undefined ? {} : { anyOf }) };
  const options: readonly unknown[] = anyOf;
  const [first, second, ...more] = options;
  const isPlain =
    isJson(first) && typeof first["type"] === "string" && !("enum" in first || "const" in first);
  if (!isPlain || !isJson(second) || second["type"] !== "null" || more.length > 0)
    return { ...schema, anyOf };
  return { ...first, ...schema, type: [first["type"], "null"] };
}

function readableFields(properties: Json, place: Place): Json {
  const fields = Object.entries(properties).map(([name, field]) => {
    if (!isJson(field)) return [name, field] as const;
    const description = field["description"] ?? meaningOf(name, place.owner);
    return [name, readableSchema({ ...field, description }, { ...place, owner: undefined })] as const;
  });
  return Object.fromEntries(fields);
}

const OF_A_SCHEMA: ReadonlySet<string> = new Set(["items", "additionalProperties"]);
const OF_SCHEMAS: ReadonlySet<string> = new Set(["anyOf", "oneOf", "allOf"]);

function readablePart(keyword: string, value: unknown, place: Place): unknown {
  const inner = { ...place, owner: undefined };
  if (OF_A_SCHEMA.has(keyword) && isJson(value)) return readableSchema(value, inner);
  if (OF_SCHEMAS.has(keyword) && Array.isArray(value)) {
    return value.map((part: unknown) => (isJson(part) ? readableSchema(part, inner) : part));
  }
  return value;
}

function isLeftOut(keyword: string, value: unknown, { io }: Place): boolean {
  switch (keyword) {
    case "additionalProperties":
      return io === "output" && value === false;
    case "pattern":
      return io === "output";
    // What zod adds to say that an integer is one of a double, and a name a text.
    case "minimum":
    case "maximum":
      return Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER;
    case "propertyNames":
      return isJson(value) && Object.keys(value).length === 1;
    default:
      return false;
  }
}

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
