import type * as z from "zod";
import { decimal, identifier } from "./scalars.ts";
import { listOf, wireObject } from "./wire.ts";

const MOST_TARGETS = 5_000;

export const ModelTarget = wireObject({ instrument_id: identifier, weight: decimal }).meta({
  id: "ModelTarget",
  description: "The share that one instrument should have.",
});
export type ModelTarget = z.output<typeof ModelTarget>;

export const ModelPortfolio = wireObject({
  targets: listOf(ModelTarget, MOST_TARGETS),
}).meta({ id: "ModelPortfolio", description: "The weights that a portfolio should have." });
export type ModelPortfolio = z.output<typeof ModelPortfolio>;
