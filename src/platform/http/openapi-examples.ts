import { isJson as isObject, type Json } from "./openapi-readable.ts";

// Examples for the OpenAPI document, made from the schemas so that they cannot contradict them.

/** What a reader expects under a name; fields without an entry show their name. */
const BY_NAME: Readonly<Record<string, unknown>> = {
  actor_id: "reviewer.lee",
  artifact_hash: "sha256:5d41402abc4b2a76b9719d911017c592ae9f1c1f2c7a1d0d5b8e0f3f4b2c1a09",
  asset_class: "EQUITY",
  base_currency: "USD",
  correlation_id: "corr_4f9d2a61c07e",
  created_by: "advisor.kim",
  currency: "USD",
  entity_id: "corr_4f9d2a61c07e",
  engine_version: "0.1.0",
  fx_pair: "EUR/USD",
  idempotency_key: "rebalance-2026-01-15-0001",
  instrument_currency: "USD",
  instrument_id: "EQ_US_0001",
  key: "EQUITY",
  next_cursor: null,
  pair: "EUR/USD",
  portfolio_id: "pf_1001",
  proposal_id: "pp_01980f5e8c6a7d2f9b3e4a5c6d7e8f90",
  rebalance_run_id: "rr_01980f5e8c6a7d2f9b3e4a5c6d7e8f90",
  request_hash: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  run_id: "rr_01980f5e8c6a7d2f9b3e4a5c6d7e8f90",
  store_backend: "POSTGRES",
  version: "2026-01",
  weight: "0.2500",
};

/** An example of a schema; references are looked up among the components. */
export function exampleOf(schema: unknown, components: Json, name = ""): unknown {
  if (!isObject(schema)) return {};
  const { $ref, examples, example } = schema;
  if (typeof $ref === "string")
    return exampleOf(components[$ref.slice($ref.lastIndexOf("/") + 1)], components, name);
  if (example !== undefined) return example;
  if (Array.isArray(examples)) return examples[0];
  return byKind(schema, components, name);
}

function byKind(schema: Json, components: Json, name: string): unknown {
  const { anyOf, oneOf, enum: words } = schema;
  if ("const" in schema) return schema["const"];
  if (Array.isArray(words)) return words[0];
  const choices = Array.isArray(anyOf) ? anyOf : oneOf;
  if (name in BY_NAME && !Array.isArray(schema["items"]) && isText(schema, choices)) return BY_NAME[name];
  if (Array.isArray(choices)) return exampleOf(choices[0], components, name);
  return byType(schema, components, name);
}

function isText(schema: Json, choices: unknown): boolean {
  if (schema["type"] === "string") return true;
  return Array.isArray(choices) && choices.some((choice) => isObject(choice) && choice["type"] === "string");
}

function byType(schema: Json, components: Json, name: string): unknown {
  const types: unknown = schema["type"];
  const type: unknown = Array.isArray(types) ? types[0] : types;
  switch (type) {
    case "object":
      return exampleObject(schema["properties"], components);
    case "array":
      return [exampleOf(schema["items"], components, name)];
    case "integer":
    case "number":
      return schema["minimum"] === undefined || Number(schema["minimum"]) < 0 ? 1 : schema["minimum"];
    case "boolean":
      return true;
    case "string":
      return BY_NAME[name] ?? name;
    default:
      return null;
  }
}

function exampleObject(properties: unknown, components: Json): Json {
  if (!isObject(properties)) return {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, exampleOf(schema, components, name)]),
  );
}
