import type postgres from "postgres";
import type { Client } from "./connection.ts";

/** A part of a statement, put together ahead of it: conditions that depend on which filters were given. */
export type SqlFragment = {
  readonly kind: "fragment";
  readonly strings: TemplateStringsArray;
  readonly values: readonly SqlValue[];
};

type Scalar = string | number | boolean | Date | Uint8Array | null;

/** What may stand in a statement: always a parameter, never text of the statement, except for a fragment. */
export type SqlValue = Scalar | readonly (string | number)[] | SqlFragment;

/** sql`and status = ${status}`: a fragment. Interpolated, it brings its own parameters along. */
export function sql(strings: TemplateStringsArray, ...values: readonly SqlValue[]): SqlFragment {
  return { kind: "fragment", strings, values };
}

type DriverValue = postgres.SerializableParameter | postgres.Fragment;

/** A statement in the driver's terms. It is sent when its promise is first waited for, not before. */
export function statement<Row extends object>(
  client: Client,
  strings: TemplateStringsArray,
  values: readonly SqlValue[],
): postgres.PendingQuery<Row[]> {
  return client<Row[]>(strings, ...values.map((value) => driverValue(client, value)));
}

function driverValue(client: Client, value: SqlValue): DriverValue {
  return isFragment(value) ? statement(client, value.strings, value.values) : value;
}

function isFragment(value: SqlValue): value is SqlFragment {
  return typeof value === "object" && value !== null && "kind" in value;
}
