import type { Money, MoneyText } from "../contract/money.ts";
import type { Decimal } from "../decimal/decimal.ts";
import { toText } from "../decimal/text.ts";

/** An amount in its wire shape. */
export function moneyText(amount: Decimal, currency: string): MoneyText {
  return { amount: toText(amount), currency };
}

export function moneyAsText(money: Money): MoneyText {
  return moneyText(money.amount, money.currency);
}
