import { StringDecoder } from "node:string_decoder";

/**
 * A large text, in parts that are sent one after the other: short texts; the UTF-8 of a text that a thread made, which is
 * handed over without a copy; and stored bytes. Those are kept as a text of the characters of the same numbers, which
 * takes no more room, and are made bytes again one part after the other.
 */
export type LargeText = { readonly parts: readonly TextPart[] };
export type TextPart = string | Uint8Array | StoredBytes;
export type StoredBytes = { readonly latin1: string };

/** A text that is stored or sent, in one piece or, where it is large, in parts. */
export type Text = string | LargeText;

/** Characters of a text that is better handed over as bytes: to copy it takes a millisecond a mebibyte, here and there. */
const LARGE = 64 * 1_024;

/** What a thread made of a text, as it is handed over. */
export function handedOver(text: string): Text {
  return text.length <= LARGE ? text : { parts: [new TextEncoder().encode(text)] };
}

/** The memory of these texts, wherever in the value they stand: whoever gets it may take it over. */
export function memoryOf(value: unknown): ArrayBufferLike[] {
  const found = new Set<ArrayBufferLike>();
  const look = (at: unknown): void => {
    if (at instanceof Uint8Array) found.add(at.buffer);
    else if (typeof at === "object" && at !== null) for (const member of Object.values(at)) look(member);
  };
  look(value);
  return [...found];
}

export function partsOfText(text: Text): readonly TextPart[] {
  return typeof text === "string" ? [text] : text.parts;
}

export function bytesOf(part: TextPart): Buffer {
  if (typeof part === "string") return Buffer.from(part);
  return part instanceof Uint8Array
    ? Buffer.from(part.buffer, part.byteOffset, part.byteLength)
    : Buffer.from(part.latin1, "latin1");
}

export function byteLengthOf(text: Text): number {
  return partsOfText(text).reduce((sum, part) => sum + byteLengthOfPart(part), 0);
}

function byteLengthOfPart(part: TextPart): number {
  if (typeof part === "string") return Buffer.byteLength(part);
  return part instanceof Uint8Array ? part.byteLength : part.latin1.length;
}

/** The whole of a text, for those who read it. */
export function wholeText(text: Text): string {
  return typeof text === "string" ? text : Buffer.concat(text.parts.map(bytesOf)).toString("utf8");
}

/** Cuts a text into parts of about this many characters; the two halves of a character outside the BMP stay together. */
export function* piecesOf(text: Text, characters: number): Generator<string> {
  let short = "";
  for (const piece of shortPieces(text, characters)) {
    short += piece;
    if (short.length < characters / 2) continue;
    yield short;
    short = "";
  }
  if (short !== "") yield short;
}

function* shortPieces(text: Text, characters: number): Generator<string> {
  // A character whose bytes are cut apart goes with the next piece.
  const decoder = new StringDecoder("utf8");
  for (const part of partsOfText(text)) {
    if (typeof part === "string") {
      yield* slicesOf(part, characters);
      continue;
    }
    const bytes = bytesOf(part);
    for (let start = 0; start < bytes.length; start += characters) {
      yield decoder.write(bytes.subarray(start, start + characters));
    }
  }
  yield decoder.end();
}

function* slicesOf(text: string, characters: number): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = start + characters;
    const next = isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end;
    yield text.slice(start, next);
    start = next;
  }
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
