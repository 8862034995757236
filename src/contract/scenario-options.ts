import { validate, type UnknownFields } from "./faults.ts";
import { EngineOptions } from "./options.ts";

export type ScenarioOptions =
  { readonly ok: true; readonly options: EngineOptions } | { readonly ok: false; readonly message: string };

/** Reads the options of one what-if scenario as they were sent: complete options, or the first thing wrong. */
export function readScenarioOptions(options: unknown, unknownFields: UnknownFields): ScenarioOptions {
  const reading = validate(EngineOptions, options, unknownFields);
  if (reading.ok) return { ok: true, options: reading.value };
  const [first] = reading.faults;
  return {
    ok: false,
    message: first === undefined ? "malformed" : `${first.path.join(".")} ${first.msg}`.trim(),
  };
}
