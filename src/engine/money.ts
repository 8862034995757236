import type { Money, MoneyText } from "../contract/money.ts";
import type { Decimal } from "../decimal/decimal.ts";
import { toText } from "../decimal/text.ts";

/** An amount as results show it. */
export function moneyText(amount: Decimal, currency: string): MoneyText {
  return { amount: toText(amount), currency };
}

export function moneyAsText(money: Money): MoneyText {
  return moneyText(money.amount, money.currency);
}
