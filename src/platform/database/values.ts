import type postgres from "postgres";
import { wholeText, type LargeText } from "../text-parts.ts";
import type { Client } from "./connection.ts";

/** A part of a statement, built ahead of it: conditions that depend on which filters were given. */
export type SqlFragment = {
  readonly kind: "fragment";
  readonly strings: TemplateStringsArray;
  readonly values: readonly SqlValue[];
};

type Scalar = string | number | boolean | Date | Uint8Array | null;

/** What may stand in a statement: always a parameter, never text of the statement, except for a fragment. */
export type SqlValue = Scalar | LargeText | readonly (string | number)[] | SqlFragment;

/** sql`and status = ${status}`: a fragment. Interpolated, it brings its own parameters along. */
export function sql(strings: TemplateStringsArray, ...values: readonly SqlValue[]): SqlFragment {
  return { kind: "fragment", strings, values };
}

/** As many as the protocol can number. */
const MAX_PARAMETERS = 65_533;

/**
 * A query of the driver, sent when its promise is first awaited. Throws at what the driver could not send: the driver
 * would fail halfway, reject the statement before it instead, and wait for replies that never come.
 */
export function statement<Row extends object>(
  client: Client,
  strings: TemplateStringsArray,
  values: readonly SqlValue[],
): postgres.PendingQuery<Row[]> {
  const parameters = countParameters(values);
  if (parameters > MAX_PARAMETERS) throw new Error(`${String(parameters)} parameters are too many`);
  return pending<Row>(client, strings, values);
}

function countParameters(values: readonly SqlValue[]): number {
  return values.reduce<number>(
    (total, value) => total + (isFragment(value) ? countParameters(value.values) : 1),
    0,
  );
}

function pending<Row extends object>(
  client: Client,
  strings: TemplateStringsArray,
  values: readonly SqlValue[],
): postgres.PendingQuery<Row[]> {
  return client<Row[]>(
    strings,
    ...values.map((value) =>
      isFragment(value) ? pending(client, value.strings, value.values) : parameter(value),
    ),
  );
}

/** The types allow nothing else; a value that got past them must not get any further. */
function parameter(value: Exclude<SqlValue, SqlFragment>): postgres.SerializableParameter {
  if (isLargeText(value)) return wholeText(value);
  const isSendable =
    value === null ||
    ["string", "number", "boolean"].includes(typeof value) ||
    (value instanceof Date && !Number.isNaN(value.getTime())) ||
    value instanceof Uint8Array ||
    (Array.isArray(value) && value.every((element) => ["string", "number"].includes(typeof element)));
  if (!isSendable) throw new Error(`a parameter is not a value that can be sent: ${typeof value}`);
  return value;
}

export function isLargeText(value: SqlValue): value is LargeText {
  return typeof value === "object" && value !== null && "parts" in value;
}

export function isFragment(value: SqlValue): value is SqlFragment {
  return typeof value === "object" && value !== null && "kind" in value;
}
