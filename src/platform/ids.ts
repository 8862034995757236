import { v7 as uuidv7 } from "uuid";

/** The prefixes of the contract: a reader sees what an id names, and an id of another kind never matches. */
export type IdPrefix =
  | "rr_" // rebalance run
  | "batch_" // what-if batch
  | "dwd_" // run review decision
  | "dop_" // discretionary operation
  | "pp_" // proposal
  | "ppv_" // proposal version
  | "pwe_" // proposal workflow event
  | "pap_" // proposal approval
  | "pop_" // proposal operation
  | "oac_" // request to retry or cancel an operation
  | "aev_" // audit event
  | "rw_" // wave
  | "rwe_" // event of a wave
  | "rwu_"; // portfolios that were sent together

/** Ids as a dependency, so that a test can name them. */
export type Ids = (prefix: IdPrefix) => string;

/** 128 bits, time-ordered (UUID version 7) as 32 hex digits: new rows land at the end of their index. */
export const newId: Ids = (prefix) => prefix + uuidv7().replaceAll("-", "");
