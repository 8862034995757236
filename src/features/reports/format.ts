import type { Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import type { Money } from "./core/stored.ts";

/** How numbers and moments are written for the readers of one language and region. */
export type Format = {
  /** A share: `0.1234` is 12.34 %. */
  readonly percent: (share: Decimal) => string;
  /** A change of a share, with its sign. */
  readonly percentChange: (share: Decimal) => string;
  /** With the decimals that the currency has, and its code. */
  readonly money: (money: Money) => string;
  /** As many digits as there are, up to eight. */
  readonly number: (value: Decimal) => string;
  readonly count: (value: number) => string;
  /** In UTC, to the second. What is no timestamp stays as it is. */
  readonly moment: (timestamp: string) => string;
};

type Rounding = Pick<Intl.NumberFormatOptions, "roundingMode">;

/** As everywhere in this service. */
const HALF_EVEN: Rounding = { roundingMode: "halfEven" };
const MOST_FRACTION_DIGITS = 8;
const CURRENCY_CODE = /^[A-Za-z]{3}$/;

/** `intlLocale`: as `Intl` knows it. Making these formats is slow, so they are made once for a report. */
export function formatsOf(intlLocale: string): Format {
  const percent = {
    ...HALF_EVEN,
    style: "percent",
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  } as const;
  const share = new Intl.NumberFormat(intlLocale, percent);
  const change = new Intl.NumberFormat(intlLocale, { ...percent, signDisplay: "exceptZero" });
  const plain = new Intl.NumberFormat(intlLocale, {
    ...HALF_EVEN,
    maximumFractionDigits: MOST_FRACTION_DIGITS,
  });
  const moment = new Intl.DateTimeFormat(intlLocale, {
    dateStyle: "medium",
    timeStyle: "medium",
    hourCycle: "h23",
    timeZone: "UTC",
  });
  return {
    percent: (value) => share.format(exactly(value)),
    percentChange: (value) => change.format(exactly(value)),
    money: moneyFormat(intlLocale),
    number: (value) => plain.format(exactly(value)),
    count: (value) => plain.format(value),
    moment: (timestamp) => {
      const date = new Date(timestamp);
      return Number.isNaN(date.getTime()) ? timestamp : `${moment.format(date)} UTC`;
    },
  };
}

/** `Intl` reads a number from a text without making a double of it. */
function exactly(value: Decimal): Intl.StringNumericLiteral {
  const text = toText(value);
  if (isNumber(text)) return text;
  throw new RangeError(`not a plain spelling of a number: ${text}`);
}

function isNumber(text: string): text is Intl.StringNumericLiteral {
  return /^-?\d+(\.\d+)?$/.test(text);
}

function moneyFormat(intlLocale: string): Format["money"] {
  const formats = new Map<string, (amount: Decimal) => string>();
  const formatOf = (currency: string): ((amount: Decimal) => string) => {
    const known = formats.get(currency);
    if (known !== undefined) return known;
    const made = CURRENCY_CODE.test(currency)
      ? inCurrency(intlLocale, currency)
      : inAnything(intlLocale, currency);
    formats.set(currency, made);
    return made;
  };
  return ({ amount, currency }) => formatOf(currency)(amount);
}

/** Without a minus before what is rounded to nothing. */
function inCurrency(intlLocale: string, currency: string): (amount: Decimal) => string {
  const format = new Intl.NumberFormat(intlLocale, {
    ...HALF_EVEN,
    style: "currency",
    currency,
    currencyDisplay: "code",
    signDisplay: "negative",
  });
  return (amount) => format.format(exactly(amount));
}

/** The contract leaves the form of a currency free, `Intl` does not. */
function inAnything(intlLocale: string, currency: string): (amount: Decimal) => string {
  const format = new Intl.NumberFormat(intlLocale, {
    ...HALF_EVEN,
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
    signDisplay: "negative",
  });
  return (amount) => `${format.format(exactly(amount))} ${currency}`;
}
