import { isThere } from "./commands.ts";
import type { Language } from "./language.ts";
import { go, java } from "./openapi-generator.ts";
import { python } from "./python.ts";
import { typescript } from "./typescript.ts";

export const LANGUAGES: readonly Language[] = [typescript, python, java, go];

/** The programs of its toolchain that are not on this machine. */
export function missingTools({ tools }: Language): readonly string[] {
  return tools.filter(([program, ...parameters]) => !isThere(program, ...parameters)).map(([name]) => name);
}
