import { RECORD_NAMES } from "./records.ts";
import { REQUEST_NAMES } from "./requests.ts";
import { RESULT_NAMES } from "./results.ts";
import { WAVE_NAMES } from "./waves.ts";

/**
 * What the names of the contract mean. A name means the same wherever it stands; where it does not, `Schema.name` says
 * what it means there. A field that says itself what it means (`.meta({ description })`) needs no entry.
 */
export const GLOSSARY: Readonly<Record<string, string>> = {
  ...REQUEST_NAMES,
  ...RESULT_NAMES,
  ...RECORD_NAMES,
  ...WAVE_NAMES,
};

/** The meaning of a field of a schema, or of a parameter. */
export function meaningOf(name: string, schema?: string): string | undefined {
  return (schema === undefined ? undefined : GLOSSARY[`${schema}.${name}`]) ?? GLOSSARY[name];
}
