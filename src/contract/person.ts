import type * as z from "zod";
import { MOST_CHARACTERS, readIdentifier } from "./scalars.ts";
import { isRefusal, refusal, scalarOrAbsent, type Refusal } from "./wire.ts";

/** Leads every refusal of a name that could be mistaken for another. */
export const ACTOR_INVALID = "ACTOR_INVALID";

function invalidActor(reason: string): Refusal {
  return refusal(ACTOR_INVALID, `${ACTOR_INVALID}: ${reason}`);
}

const UNSEEN = invalidActor(
  "must not contain control, format, private-use or surrogate characters, nor line separators",
);
const OUTER_BLANK = invalidActor("must not begin or end with a blank");
const NOT_NFKC = invalidActor("must be in Unicode normalization form NFKC");
const INVISIBLE = invalidActor("must contain a visible character");

/** What nobody sees in a name. */
export const UNSEEN_CHARACTER = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u;
const BLANK_AT_AN_END = /^\p{White_Space}|\p{White_Space}$/u;
const OUTER_BLANKS = /^\p{White_Space}+|\p{White_Space}+$/gu;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * A name as it is compared: two names are of the same person when they come to the same text (NFKC case folding). Outer
 * blanks do not count: a name of before the rule may have some.
 */
export function personOf(name: string): string {
  // What most names are, in a hundredth of the time: a verification folds those of a whole history.
  if (PRINTABLE_ASCII.test(name)) return name.trim().toLowerCase();
  const seen = name.normalize("NFKC").replaceAll(IGNORABLE, "").replaceAll(OUTER_BLANKS, "");
  // Folding can undo the normal form, and normalizing can bring letters that are still to be folded.
  const once = foldCase(seen);
  return foldCase(once.normalize("NFKC")).normalize("NFKC");
}

/** The same of a name that need not be there. */
export function personOrNull(name: string | null): string | null {
  return name === null ? null : personOf(name);
}

/**
 * Full case folding of Unicode, letter by letter, so that no letter is read by its neighbours (final sigma). To upper
 * case and back makes ß and ss one; but the dotless ı would become i, which is another letter.
 */
function foldCase(text: string): string {
  return Array.from(text, (letter) =>
    letter === "ı" ? letter : lowered(lowered(letter).toUpperCase()),
  ).join("");
}

function lowered(text: string): string {
  return Array.from(text, (letter) => letter.toLowerCase()).join("");
}

function readName(value: unknown): string | Refusal {
  if (typeof value === "string" && UNSEEN_CHARACTER.test(value)) return UNSEEN;
  const name = readIdentifier(value);
  if (isRefusal(name)) return name;
  if (BLANK_AT_AN_END.test(name)) return OUTER_BLANK;
  if (name.normalize("NFKC") !== name) return NOT_NFKC;
  return personOf(name) === "" ? INVISIBLE : name;
}

/** Who acts. May be left out by a caller with a token: then it is the token's subject. */
export const actorName: z.ZodType<string> = scalarOrAbsent(
  (value, reader, isStored) => {
    const name = value === undefined ? reader?.caller?.subject : value;
    return isStored ? readIdentifier(name) : readName(name);
  },
  {
    type: "string",
    minLength: 1,
    maxLength: MOST_CHARACTERS,
    description:
      "Who acts. Unicode NFKC, no blank at either end, no control, format, private-use or surrogate character and no line separator. With a token it may be left out and is then the token's subject; without one it is required.",
  },
);

/** The same of an action whose actor need not be named: null where neither the body nor a token says who it is. */
export const actorNameOrNone: z.ZodType<string | null> = scalarOrAbsent<string | null>(
  (value, reader, isStored) => {
    if (value === undefined || value === null) return reader?.caller?.subject ?? null;
    return isStored ? readIdentifier(value) : readName(value);
  },
  {
    type: ["string", "null"],
    minLength: 1,
    maxLength: MOST_CHARACTERS,
    description:
      "Who acts, in the form of every name of an actor. With a token it is the token's subject where it is left out.",
  },
);
