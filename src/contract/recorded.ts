/**
 * Requests on their way out, as they were recorded: the canonical request has every field that its contract had at that
 * time, and decimals as texts. What a caller may leave out may be missing here too: it may be younger than the record.
 */
import * as z from "zod";
import { Money, MoneyText } from "./money.ts";
import { CashBalance } from "./portfolio.ts";
import { DecimalText } from "./scalars.ts";
import { CashBalanceText } from "./state.ts";
import { scalarJson, shownAs } from "./wire.ts";

/** What has a form of its own on its way out, and what was made before: a component is one type. */
const made = new WeakMap<z.core.SomeType, z.ZodType>([
  [Money, MoneyText],
  [CashBalance, CashBalanceText],
]);

/** The type of what is recorded of an object of a request. */
export function recorded(schema: z.ZodObject): z.ZodType<Record<string, unknown>> {
  const { id, description } = z.globalRegistry.get(schema) ?? {};
  const fields = Object.entries<z.core.SomeType>(schema.shape).map(
    ([name, field]) => [name, recordedField(field)] as const,
  );
  const type = z.strictObject(Object.fromEntries(fields));
  return id === undefined
    ? type
    : type.meta({ id: `Recorded${id}`, description: `As it was recorded. ${description ?? ""}`.trimEnd() });
}

function recordedField(schema: z.core.SomeType): z.ZodType {
  const type = made.get(schema) ?? makeRecorded(schema);
  made.set(schema, type);
  return type;
}

function makeRecorded(schema: z.core.SomeType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return recordedField(schema.unwrap()).optional();
  }
  if (schema instanceof z.ZodNullable) return recordedField(schema.unwrap()).nullable();
  if (schema instanceof z.ZodArray) return z.array(recordedField(schema.element));
  if (schema instanceof z.ZodRecord) return z.record(z.string(), recordedField(schema.valueType));
  if (schema instanceof z.ZodObject) return recorded(schema);
  if (!(schema instanceof z.ZodType)) throw new Error("no recorded form is known of such a type");
  const shown = shownAs.get(schema);
  return shown === undefined ? recordedScalar(schema) : recordedField(shown);
}

/** What is no scalar of ours, such as an enum, goes out as it came. */
function recordedScalar(schema: z.ZodType): z.ZodType {
  const type = scalarJson(schema)?.type;
  if (Array.isArray(type)) return DecimalText;
  switch (type) {
    case undefined:
      return schema;
    case "integer":
      return z.int();
    case "string":
      return z.string();
    default:
      return z.record(z.string(), z.unknown());
  }
}
