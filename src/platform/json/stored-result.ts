import * as z from "zod";
import { RulesVersion } from "../../contract/options.ts";

const Made = z.object({ lineage: z.object({ rules_version: RulesVersion }) });

/** The rules that a stored result says it was calculated by. Undefined where it names none that this service knows. */
export function rulesVersionOf(resultText: string): RulesVersion | undefined {
  return Made.safeParse(JSON.parse(resultText)).data?.lineage.rules_version;
}
