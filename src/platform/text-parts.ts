/**
 * A large text as it is sent: short texts, and stored bytes that are written already. Those are kept as a text of the
 * characters of the same numbers, which takes no more room, and are made bytes again one part after the other.
 */
export type TextParts = readonly (string | StoredBytes)[];
export type StoredBytes = { readonly latin1: string };

export function bytesOf(part: string | StoredBytes): Buffer {
  return typeof part === "string" ? Buffer.from(part) : Buffer.from(part.latin1, "latin1");
}

export function byteLengthOf(parts: TextParts): number {
  return parts.reduce(
    (sum, part) => sum + (typeof part === "string" ? Buffer.byteLength(part) : part.latin1.length),
    0,
  );
}

/** Cuts a text into parts of about this many characters; the two halves of a character outside the BMP stay together. */
export function* partsOf(text: string, characters: number): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = start + characters;
    const next = isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end;
    yield text.slice(start, next);
    start = next;
  }
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
