import { byteLengthOf, piecesOf, type LargeText, type StoredBytes, type Text } from "../text-parts.ts";
import { isFragment, isLargeText, sql, type SqlFragment, type SqlValue } from "./values.ts";

/**
 * Characters that are sent, and bytes that are read, at once. The driver copies a statement with all its values several times, in the thread that
 * serves HTTP: 3 ms a mebibyte, and many times that for texts of tens of mebibytes.
 */
export const MOST_AT_ONCE = 256 * 1_024;

type Send = (strings: TemplateStringsArray, ...values: readonly SqlValue[]) => Promise<unknown>;

export function hasLargeValue(values: readonly SqlValue[]): boolean {
  return values.some((value) => (isFragment(value) ? hasLargeValue(value.values) : isLarge(value)));
}

/**
 * Sends the large texts among the values ahead of their statement, part by part, each when the server has taken the one
 * before; what remains is a statement in which the server joins them. Parts are settings of the transaction, so they are
 * gone at its end.
 */
export async function sendLargeValues(send: Send, values: readonly SqlValue[]): Promise<SqlValue[]> {
  const parts = { sent: 0 };
  const replaceAll = async (all: readonly SqlValue[]): Promise<SqlValue[]> => {
    const replaced: SqlValue[] = [];
    for (const value of all) {
      if (isFragment(value)) replaced.push({ ...value, values: await replaceAll(value.values) });
      else replaced.push(isLarge(value) ? await sendParts(send, value, parts) : value);
    }
    return replaced;
  };
  return replaceAll(values);
}

async function sendParts(send: Send, text: Text, parts: { sent: number }): Promise<SqlFragment> {
  const first = parts.sent;
  for (const part of piecesOf(text, MOST_AT_ONCE)) {
    await send`select from set_config('app.part_' || ${String(parts.sent)}, ${part}, true)`;
    parts.sent += 1;
  }
  return sql`(select string_agg(current_setting('app.part_' || part), '' order by part)
              from generate_series(${first}::int, ${parts.sent - 1}::int) as part)`;
}

function isLarge(value: SqlValue): value is Text {
  if (typeof value === "string") return value.length > MOST_AT_ONCE;
  return isLargeText(value) && byteLengthOf(value) > MOST_AT_ONCE;
}

/**
 * The rows of one large text, part by part, to be put together by `textOfParts`. The server sends them one after the other, so
 * that others are served in between: of one value of many mebibytes the driver would make several copies at once. It cuts
 * bytes, which costs nothing at any place; each goes as the character of the same number, as the driver reads texts.
 */
export function selectInParts(select: SqlFragment): SqlFragment {
  return sql`
    select first_byte, convert_from(substring(bytes from first_byte for ${MOST_AT_ONCE}::int), 'LATIN1') as latin1
      from (select convert_to(content, 'UTF8') as bytes
              from (${select}) as large (content)
            offset 0) as whole,
           generate_series(1, octet_length(bytes), ${MOST_AT_ONCE}::int) as first_byte`;
}

export type TextPartRow = StoredBytes & { readonly first_byte: number };

/** The parts of a text in their order. */
export function textOfParts(rows: readonly TextPartRow[]): LargeText {
  const sorted = rows.toSorted((a, b) => a.first_byte - b.first_byte);
  return { parts: sorted.map(({ latin1 }) => ({ latin1 })) };
}
