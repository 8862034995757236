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
