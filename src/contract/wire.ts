/**
 * The zod types for what the strict JSON reader makes: numbers kept as text, objects without a prototype.
 * zod's own object would take a number for an object, its record would drop the key `__proto__`.
 */
import * as z from "zod";
import { isJsonNumber } from "./json-number.ts";
import { emptyMap } from "./maps.ts";

/**
 * Why a value is refused: a stable code for programs, a sentence for people.
 * A class only for its identity: no object that a caller spells can pass for it.
 */
class RefusalValue {
  readonly code: string;
  readonly message: string;
  readonly atParent: boolean;

  constructor(code: string, message: string, atParent: boolean) {
    this.code = code;
    this.message = message;
    this.atParent = atParent;
  }
}

export type Refusal = RefusalValue;

export function refusal(code: string, message: string): Refusal {
  return new RefusalValue(code, message, false);
}

/** A refusal that is reported at the object around the value. */
export function refusalOfParent(code: string, message: string): Refusal {
  return new RefusalValue(code, message, true);
}

export function isRefusal(value: unknown): value is Refusal {
  return value instanceof RefusalValue;
}

type Payload = z.core.ParsePayload;

/** What `pushRefusal` hands to the reader of the issue. */
export type RefusalParams = { readonly code: string; readonly atParent: boolean };

function pushRefusal(payload: Payload, { code, message, atParent }: Refusal, suppressesRules: boolean): void {
  const params: RefusalParams = { code, atParent };
  const issue = { code: "custom" as const, message, params, input: payload.value };
  payload.issues.push(suppressesRules ? issue : { ...issue, continue: true });
}

/** Whose request is read: a cursor, for one, is good for one tenant. */
export type Reader = {
  readonly tenantId: string;
  /** Whom a token names; null where there is none. */
  readonly caller: { readonly subject: string } | null;
};

/**
 * Reads one JSON value in one step; a field that is absent arrives as undefined. `isStored`: the value passed the contract
 * of its time, and a rule that came later does not count.
 */
type Read<T> = (value: unknown, reader: Reader | undefined, isStored: boolean) => T | Refusal;

/** zod hands one context through a whole parse; `validate` puts the reader into it, `parseStored` that it is stored. */
type ReaderContext = z.core.ParseContextInternal & { readonly reader?: Reader; readonly isStored?: boolean };

interface ScalarDef extends z.core.$ZodTypeDef {
  type: "custom";
  read: Read<unknown>;
  jsonSchema: z.core.JSONSchema.BaseSchema;
  mayBeAbsent: boolean;
}
interface ScalarInternals<T> extends z.core.$ZodTypeInternals<T> {
  def: ScalarDef;
}
interface ScalarType<T = unknown> extends z.ZodType<T, unknown, ScalarInternals<T>> {
  readonly kind?: "scalar";
}

const AnyType: z.core.$constructor<z.ZodType> = z.ZodType;

const Scalar = z.core.$constructor<ScalarType>("WireScalar", (inst, def) => {
  AnyType.init(inst, def);
  if (def.mayBeAbsent) inst._zod.optin = "defaulted";
  // A copy each time: zod turns what it is given into a reference.
  inst._zod.toJSONSchema = () => ({ ...def.jsonSchema });
  inst._zod.parse = (payload, ctx: ReaderContext) => {
    const result = def.read(payload.value, ctx.reader, ctx.isStored === true);
    // A refused value stays in place, so that rules around it still see that something was sent.
    if (isRefusal(result)) pushRefusal(payload, result, true);
    else payload.value = result;
    return payload;
  };
});

/** A type for one value that no zod type reads, such as a decimal. */
export function scalar<T>(read: Read<T>, jsonSchema: z.core.JSONSchema.BaseSchema): z.ZodType<T> {
  return newScalar(read, jsonSchema, false);
}

/** A type for one value that need not be sent: what stands for one that is absent, or that it is required, `read` says. */
export function scalarOrAbsent<T>(read: Read<T>, jsonSchema: z.core.JSONSchema.BaseSchema): z.ZodType<T> {
  return newScalar(read, jsonSchema, true);
}

function newScalar<T>(
  read: Read<T>,
  jsonSchema: z.core.JSONSchema.BaseSchema,
  mayBeAbsent: boolean,
): z.ZodType<T> {
  const schema: z.ZodType = new Scalar({ type: "custom", read, jsonSchema, mayBeAbsent });
  return schema as z.ZodType<T>;
}

/** How such a type is documented; undefined of any other. */
export function scalarJson(schema: z.core.SomeType): z.core.JSONSchema.BaseSchema | undefined {
  return schema instanceof Scalar ? schema._zod.def.jsonSchema : undefined;
}

function pushNotAnObject(payload: Payload): Payload {
  payload.issues.push({ code: "invalid_type", expected: "object", input: payload.value });
  return payload;
}

/**
 * A hostile body of one megabyte can hold a million faults, which are seconds of work to list. So many refused
 * objects or entries (counting each object around them) end the reading. Unknown fields are not counted:
 * they may be allowed.
 */
const MOST_REFUSED = 5_000;

/** Thrown out of a parse; `validate` then reports the first fault alone. */
export class TooManyFaults extends Error {}

/** zod hands one context through a whole parse; it is where the count lives. */
type CountingContext = ReaderContext & { refused?: number };

function countRefused(ctx: CountingContext): void {
  ctx.refused = (ctx.refused ?? 0) + 1;
  if (ctx.refused > MOST_REFUSED) throw new TooManyFaults();
}

type AnyObject = z.ZodObject<z.core.$ZodLooseShape, z.core.$strict>;

const ObjectType: z.core.$constructor<z.ZodObject> = z.ZodObject;

const WireObject = z.core.$constructor<AnyObject>("WireObject", (inst, def) => {
  ObjectType.init(inst, def);
  const parse = inst._zod.parse.bind(inst._zod);
  inst._zod.parse = (payload, ctx) => {
    const result = isJsonNumber(payload.value) ? pushNotAnObject(payload) : parse(payload, ctx);
    if (payload.issues.length > 0 && z.core.util.aborted(payload)) countRefused(ctx);
    return result;
  };
});

/** What the documentation shows in the place of a type that reads otherwise than its callers should write. */
export const shownAs = new WeakMap<z.core.SomeType, z.ZodType>();

/** In the order of canonical JSON, so that what was read can be hashed without being sorted. */
function inNameOrder(shape: z.core.$ZodLooseShape): z.core.$ZodLooseShape {
  return Object.fromEntries(Object.entries(shape).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A JSON object with these fields and no others. */
export function wireObject<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const schema: AnyObject = new WireObject({
    type: "object",
    shape: inNameOrder(shape),
    catchall: z.never(),
  });
  return schema as z.ZodObject<Shape, z.core.$strict>;
}

type AnyMap = z.ZodRecord<z.ZodString, z.ZodType>;
type MapDef = z.core.$ZodRecordDef & { readonly valueType: z.ZodType; readonly most: number };

const RecordType: z.core.$constructor<z.ZodRecord> = z.ZodRecord;

const WireMap = z.core.$constructor<AnyMap, MapDef>("WireMap", (inst, def) => {
  RecordType.init(inst, def);
  inst._zod.parse = (payload, ctx: CountingContext) => {
    const input: unknown = payload.value;
    if (!isJsonObject(input)) return pushNotAnObject(payload);
    if (isTooMany(Object.keys(input).length, def.most, ctx)) return pushTooMany(payload, def.most);
    const output = emptyMap<unknown>();
    for (const key of Object.keys(input)) {
      const entry = def.valueType._zod.run({ value: input[key], issues: [] }, ctx);
      if (entry instanceof Promise) throw new z.core.$ZodAsyncError();
      if (entry.issues.length > 0) {
        countRefused(ctx);
        payload.issues.push(...z.core.util.prefixIssues(key, entry.issues));
      }
      output[key] = entry.value;
    }
    payload.value = output;
    return payload;
  };
});

/** A JSON object with free keys. Any key is an ordinary key, `__proto__` too: the output has no prototype. */
export function mapOf<Value extends z.ZodType>(
  value: Value,
  most = Infinity,
): z.ZodRecord<z.ZodString, Value> {
  const schema: AnyMap = new WireMap({ type: "record", keyType: z.string(), valueType: value, most });
  if (most !== Infinity) schema.register(z.globalRegistry, { maxProperties: most });
  return schema as z.ZodRecord<z.ZodString, Value>;
}

type AnyList = z.ZodArray<z.ZodType>;
type ListDef = z.core.$ZodArrayDef & { readonly most: number };

const ArrayType: z.core.$constructor<z.ZodArray> = z.ZodArray;

const WireList = z.core.$constructor<AnyList, ListDef>("WireList", (inst, def) => {
  ArrayType.init(inst, def);
  const parse = inst._zod.parse.bind(inst._zod);
  inst._zod.parse = (payload, ctx: CountingContext) => {
    const input: unknown = payload.value;
    const isRefused = Array.isArray(input) && isTooMany(input.length, def.most, ctx);
    return isRefused ? pushTooMany(payload, def.most) : parse(payload, ctx);
  };
});

/** A list of at most so many items. A longer one is refused without a look at its items. */
export function listOf<Item extends z.ZodType>(item: Item, most: number): z.ZodArray<Item> {
  const schema: AnyList = new WireList({ type: "array", element: item, most });
  schema.register(z.globalRegistry, { maxItems: most });
  return schema as z.ZodArray<Item>;
}

/** A limit is for what comes in: what was stored when it was higher must be readable for ever. */
function isTooMany(count: number, most: number, ctx: ReaderContext): boolean {
  return count > most && ctx.isStored !== true;
}

function pushTooMany(payload: Payload, most: number): Payload {
  pushRefusal(payload, refusal("TOO_MANY_ITEMS", `must have at most ${most} items`), true);
  return payload;
}

/** What a schema makes of a document that passed it when it was stored: limits that came later do not count. */
export function parseStored<T>(schema: z.ZodType<T>, tree: unknown): z.ZodSafeParseResult<T> {
  const context: z.core.ParseContext<z.core.$ZodIssue> & { readonly isStored: true } = { isStored: true };
  return schema.safeParse(tree, context);
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isJsonNumber(value);
}

/**
 * A rule over more than one value. It is judged only when all types and ranges inside are right; an unknown
 * field or another broken rule does not suppress it.
 */
export function rule<T>(judge: (value: T) => Refusal | undefined): z.core.$ZodCheck<T> {
  return z.check<T>((payload) => {
    const broken = judge(payload.value);
    if (broken !== undefined) pushRefusal(payload, broken, false);
  });
}

/** A rule that is judged even when values inside are refused; it then meets them as they were sent. */
export function ruleOnAnything<T>(judge: (value: Record<string, unknown>) => Refusal[]): z.core.$ZodCheck<T> {
  const check = z.check<T>((payload) => {
    if (!isJsonObject(payload.value)) return;
    for (const broken of judge(payload.value)) pushRefusal(payload, broken, false);
  });
  check._zod.def.when = (payload) => isJsonObject(payload.value);
  return check;
}
