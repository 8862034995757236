/**
 * How values travel. Nothing that has money or time in it becomes a double or a local time on the way:
 * - `timestamptz` is read as ISO 8601 in UTC with milliseconds (`2026-03-01T09:30:00.000Z`), the form in which the
 *   service's clock writes it; digits below a millisecond, which only the server's own clock makes, are cut off;
 * - `date` and `timestamp` are read as PostgreSQL writes them;
 * - `numeric` and `bigint` are read as text (the driver's default);
 * - arrays go in as parameters (`= any(${ids})`); to read one, select it as jsonb.
 */
export const valueTypes = {
  timestamptz: { to: 1184, from: [1184], serialize: timestampText, parse: parseTimestamp },
  timestamp: { to: 1114, from: [1114], serialize: timestampText, parse: asIs },
  date: { to: 1082, from: [1082], serialize: timestampText, parse: asIs },
  // bool[], int4[], text[], int8[], date[], timestamptz[], numeric[]: the driver would look them up on each connection.
  array: { to: 1009, from: [1000, 1007, 1009, 1016, 1182, 1185, 1231], serialize: arrayText, parse: asIs },
};

/** `2026-03-01 09:30:00.123456+00`, as a session with TimeZone UTC and DateStyle ISO writes it. */
const UTC_TIMESTAMP = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/;

export function parseTimestamp(text: string): string {
  const [, date, time, fraction = ""] = UTC_TIMESTAMP.exec(text) ?? [];
  if (date === undefined || time === undefined) throw new Error(`not a UTC timestamp of our era: ${text}`);
  return `${date}T${time}.${fraction.padEnd(3, "0").slice(0, 3)}Z`;
}

type Element = string | number | boolean | Date | null;

/** An array literal; every element quoted, which suits every element type. */
export function arrayText(elements: readonly Element[]): string {
  return `{${elements.map(elementText).join(",")}}`;
}

function elementText(element: Element): string {
  if (element === null) return "null";
  const text = element instanceof Date ? element.toISOString() : String(element);
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function timestampText(value: string | Date): string {
  return value instanceof Date ? value.toISOString() : value;
}

function asIs(text: string): string {
  return text;
}
