/**
 * A number of a JSON body with the digits it was written with: a double would change `0.1000000000000000055`.
 * A class only for its identity: `instanceof` tells a number from an object that a caller spelled.
 */
class JsonNumberValue {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonNumber = JsonNumberValue;

/** `text` must be a number by the grammar of RFC 8259. */
export function jsonNumber(text: string): JsonNumber {
  return new JsonNumberValue(text);
}

export function isJsonNumber(value: unknown): value is JsonNumber {
  return value instanceof JsonNumberValue;
}
