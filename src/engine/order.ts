const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/**
 * Orders texts by code point. JavaScript's own order compares UTF-16 units, which places characters beyond
 * U+FFFF before those from U+E000 on.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** The items by a name, in code point order; the list itself where it has that order. */
export function sortedBy<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  const isInOrder = items.every((item, index) => {
    const previous = items[index - 1];
    return previous === undefined || compareCodePoints(nameOf(previous), nameOf(item)) <= 0;
  });
  return isInOrder ? items : [...items].sort((a, b) => compareCodePoints(nameOf(a), nameOf(b)));
}

/** A surrogate stands for a character above all others, so it ranks above every other unit. */
function codePointRank(unit: number): number {
  return unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE ? unit + 0x10000 : unit;
}
