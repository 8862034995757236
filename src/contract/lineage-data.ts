import * as z from "zod";
import { RulesVersion } from "./options.ts";

/** Where a result comes from. */
export const LineageData = z
  .strictObject({
    portfolio_snapshot_id: z.string(),
    market_data_snapshot_id: z.string(),
    request_hash: z.string(),
    idempotency_key: z.string().nullable(),
    engine_version: z.string().nullable(),
    /** The rules that were followed; a stored result is reproduced by the version that made it. */
    rules_version: RulesVersion,
  })
  .meta({ id: "LineageData", description: "What a result was made from." });
export type LineageData = z.output<typeof LineageData>;
