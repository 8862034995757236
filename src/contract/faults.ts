import { closest } from "fastest-levenshtein";
import * as z from "zod";
import { mapFrom } from "./maps.ts";
import { isJsonObject, TooManyFaults, type Reader, type RefusalParams } from "./wire.ts";

/** One fault of what a caller sent: the path of the value, what is wrong with it, and a code for programs. */
export type Fault = { readonly path: readonly Step[]; readonly msg: string; readonly code: string };

type Step = string | number;

export type Validated<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly faults: readonly Fault[] };

/** Whether fields that no schema knows are refused, or dropped as if they had not been sent. */
export type UnknownFields = "refuse" | "ignore";

/** More entries help nobody; the count bounds the answer to a hostile body. */
const MOST_FAULTS = 10_000;
const MORE_FAULTS: Fault = { path: [], msg: "there are more faults than these", code: "MORE_FAULTS" };

/**
 * Reads a value tree by a schema: the value with its defaults filled in, or every fault that can be found. What is good
 * for one tenant only is refused without a reader.
 */
export function validate<T>(
  schema: z.ZodType<T>,
  tree: unknown,
  unknownFields: UnknownFields,
  reader?: Reader,
): Validated<T> {
  const outcome = parse(schema, tree, reader);
  if (outcome.success) return { ok: true, value: outcome.data };
  const { issues, complete } = outcome;
  if (unknownFields === "ignore" && complete && issues.some(isUnknownFields)) {
    return validate(schema, withoutUnknown(tree, issues), "refuse", reader);
  }
  const counted = unknownFields === "ignore" ? issues.filter((issue) => !isUnknownFields(issue)) : issues;
  const faults = counted.flatMap((issue) => toFaults(schema, issue));
  if (complete && faults.length <= MOST_FAULTS) return { ok: false, faults };
  return { ok: false, faults: [...faults.slice(0, MOST_FAULTS), MORE_FAULTS] };
}

type Issue = z.core.$ZodIssue;

type Outcome<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly issues: readonly Issue[]; readonly complete: boolean };

function parse<T>(schema: z.ZodType<T>, tree: unknown, reader: Reader | undefined): Outcome<T> {
  try {
    const context: ParseContext = { reportInput: true, reader };
    const { success, data, error } = schema.safeParse(tree, context);
    return success ? { success, data } : { success, issues: error.issues, complete: true };
  } catch (error) {
    if (!(error instanceof TooManyFaults)) throw error;
    return { success: false, issues: firstIssues(schema, tree, reader), complete: false };
  }
}

type ParseContext = z.core.ParseContext<Issue> & {
  readonly reader: Reader | undefined;
  readonly abortEarly?: true;
};

function firstIssues(schema: z.ZodType, tree: unknown, reader: Reader | undefined): readonly Issue[] {
  const context: ParseContext = { reportInput: true, abortEarly: true, reader };
  return schema.safeParse(tree, context).error?.issues ?? [];
}

function toFaults(schema: z.ZodType, issue: Issue): Fault[] {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  switch (issue.code) {
    case "custom":
      return [refusalFault(path, issue)];
    case "unrecognized_keys":
      return unknownFieldFaults(schema, path, issue.keys);
    case "invalid_type":
      return [{ path, ...wrongType(issue) }];
    case "invalid_value":
      return [{ path, ...wrongValue(issue) }];
    default:
      return [{ path, msg: issue.message, code: "INVALID" }];
  }
}

const MISSING = { msg: "is required", code: "REQUIRED" };

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  object: "an object",
  string: "a text",
};

function wrongType({ input, expected }: z.core.$ZodIssueInvalidType): { msg: string; code: string } {
  if (input === undefined) return MISSING;
  return { msg: `must be ${TYPE_NAMES[expected] ?? expected}`, code: "WRONG_TYPE" };
}

function wrongValue({ input, values }: z.core.$ZodIssueInvalidValue): { msg: string; code: string } {
  if (input === undefined) return MISSING;
  const allowed = values.map(String).join(", ");
  return {
    msg: values.length === 1 ? `must be ${allowed}` : `must be one of ${allowed}`,
    code: "NOT_ALLOWED",
  };
}

function refusalFault(path: Step[], issue: z.core.$ZodIssueCustom): Fault {
  const { code, atParent } = (issue.params ?? { code: "INVALID", atParent: false }) as RefusalParams;
  return { path: atParent ? path.slice(0, -1) : path, msg: issue.message, code };
}

/** Distances to longer names cost more than they tell. */
const LONGEST_COMPARED = 64;

function unknownFieldFaults(schema: z.ZodType, path: Step[], fields: readonly string[]): Fault[] {
  const known = knownFields(schema, path);
  return fields.slice(0, MOST_FAULTS + 1).map((field) => {
    const near = known.length === 0 ? "" : `; the nearest known name is ${nearest(field, known)}`;
    return { path: [...path, field], msg: `is not a known field${near}`, code: "UNKNOWN_FIELD" };
  });
}

function nearest(field: string, known: readonly string[]): string {
  return closest(field.slice(0, LONGEST_COMPARED), known);
}

function knownFields(schema: z.ZodType, path: readonly Step[]): string[] {
  const object = schemaAt(schema, path);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

/** The schema of the object at a path, without what makes it optional or nullable. */
function schemaAt(root: z.core.SomeType, path: readonly Step[]): z.core.SomeType | undefined {
  let schema: z.core.SomeType | undefined = bare(root);
  for (const step of path) {
    if (schema instanceof z.ZodObject) schema = fieldOf(schema, step);
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else return undefined;
    schema = schema === undefined ? undefined : bare(schema);
  }
  return schema;
}

function fieldOf({ shape }: { readonly shape: z.core.$ZodShape }, step: Step): z.core.SomeType | undefined {
  return shape[step];
}

function bare(schema: z.core.SomeType): z.core.SomeType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodNullable) {
    inner = inner.unwrap();
  }
  return inner;
}

function isUnknownFields(issue: Issue): issue is z.core.$ZodIssueUnrecognizedKeys {
  return issue.code === "unrecognized_keys";
}

/** A copy of the tree without the fields that the issues name; what has none of them is shared, not copied. */
function withoutUnknown(tree: unknown, issues: readonly Issue[]): unknown {
  const unknown = new Map<unknown, ReadonlySet<string>>();
  for (const issue of issues) {
    if (isUnknownFields(issue)) unknown.set(issue.input, new Set(issue.keys));
  }
  return pruned(tree, unknown);
}

type FieldsByObject = ReadonlyMap<unknown, ReadonlySet<string>>;

function pruned(tree: unknown, unknown: FieldsByObject): unknown {
  if (Array.isArray(tree)) return tree.map((item) => pruned(item, unknown));
  if (!isJsonObject(tree)) return tree;
  const dropped = unknown.get(tree);
  const kept = Object.entries(tree).filter(([name]) => dropped?.has(name) !== true);
  return mapFrom(kept.map(([name, value]) => [name, pruned(value, unknown)] as const));
}
