import type * as z from "zod";
import { validate, type Fault, type UnknownFields } from "../contract/faults.ts";
import type { Reader } from "../contract/wire.ts";
import { contentHash } from "./hash.ts";
import { readJsonBody } from "./json/read-json.ts";
import { readStored } from "./json/stored-json.ts";
import type { Calculation } from "./threads.ts";

/**
 * What is read in the thread that serves HTTP: larger bodies are either of a `BodyType` or refused. A position takes some
 * 250 bytes and 10 µs to be read, so this is the time that every other request may have to wait: 3 ms.
 */
export const MOST_INLINE_BYTES = 64 * 1_024;

/** A body that was read: its canonical text, which is hashed, stored and calculated with, and facts of it. */
export type Document<Facts = unknown> = Facts & { readonly text: string; readonly hash: string };

/** What is calculated with: all that is kept of a body that was accepted for later. */
export type DocumentText = Pick<Document, "text">;

/** What is made of a body that passed its contract. `faults`: what is wrong with it all the same. */
export type Description<Facts> = {
  readonly text: string;
  readonly facts: Facts;
  readonly faults?: readonly Fault[];
};

export type BodyRead<Facts> =
  | { readonly kind: "read"; readonly document: Document<Facts> }
  | { readonly kind: "malformed"; readonly reason: string }
  | { readonly kind: "refused"; readonly faults: readonly Fault[] };

/** Whose body is read, and how strictly. */
export type BodyTerms = { readonly unknownFields: UnknownFields; readonly reader: Reader };

export type BodySource = BodyTerms & { readonly bytes: Uint8Array };

/**
 * A body that may be large: it is read where its size allows, and its reader gets the same document either way. A class
 * only for its identity, by which a route's body is told from a schema.
 */
export class BodyType<T, Facts extends object> {
  readonly schema: z.ZodType<T>;
  /** Reads the bytes of a body, in whichever thread. */
  readonly reading: Calculation<BodySource, BodyRead<Facts>>;
  readonly #describe: (value: T, unknownFields: UnknownFields) => Description<Facts>;
  /** What was read in this thread need not be read again. */
  readonly #values = new WeakMap<object, T>();

  /** Every name is one kind of body. Facts are plain values, as they come from another thread. */
  constructor(
    name: string,
    schema: z.ZodType<T>,
    describe: (value: T, unknownFields: UnknownFields) => Description<Facts>,
  ) {
    this.schema = schema;
    this.#describe = describe;
    this.reading = {
      name: `read ${name}`,
      compute: ({ bytes, ...terms }) => {
        const body = readJsonBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
        if (!body.ok) return { kind: "malformed", reason: body.reason };
        return this.readTree(body.value, terms);
      },
    };
  }

  readTree(tree: unknown, { unknownFields, reader }: BodyTerms): BodyRead<Facts> {
    const validated = validate(this.schema, tree, unknownFields, reader);
    if (!validated.ok) return { kind: "refused", faults: validated.faults };
    const { text, facts, faults = [] } = this.#describe(validated.value, unknownFields);
    if (faults.length > 0) return { kind: "refused", faults };
    const document = { ...facts, text, hash: contentHash(text) };
    this.#values.set(document, validated.value);
    return { kind: "read", document };
  }

  /** The value of a document of this type. One that was stored passed its contract when it was accepted. */
  valueOf(document: DocumentText): T {
    return this.#values.get(document) ?? readStored(this.schema, document.text);
  }
}
