/** Numbers behind `after`, up to `upTo`. */
export type NumberRange = { readonly after: number; readonly upTo: number };

/** The rows up to a number, page after page: each begins behind the last number of the one before. */
export async function* pagesUpTo<Row>(
  upTo: number,
  read: (range: NumberRange) => Promise<readonly Row[]>,
  numberOf: (row: Row) => number,
): AsyncGenerator<readonly Row[]> {
  for (let after = 0; after < upTo;) {
    const page = await read({ after, upTo });
    const last = page.at(-1);
    if (last === undefined) return;
    yield [...page]; // a plain array, which can be sent to a thread
    after = numberOf(last);
  }
}
