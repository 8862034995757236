import * as z from "zod";
import { currency, decimal, DecimalText } from "./scalars.ts";
import { wireObject } from "./wire.ts";

/** An amount in a currency, as it comes in. */
export const Money = wireObject({ amount: decimal, currency }).meta({
  id: "MoneyInput",
  description: "An amount in a currency.",
});
export type Money = z.output<typeof Money>;

/** An amount in a currency, as it goes out. */
export const MoneyText = z
  .strictObject({ amount: DecimalText, currency: z.string() })
  .meta({ id: "Money", description: "An amount in a currency." });
export type MoneyText = z.output<typeof MoneyText>;
