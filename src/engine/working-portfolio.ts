import type { CashBalance, PortfolioSnapshot, Position } from "../contract/portfolio.ts";
import type { Arithmetic } from "../decimal/arithmetic.ts";
import { ZERO, type Decimal } from "../decimal/decimal.ts";

/**
 * A copy of a portfolio that trades and cash flows are applied to. Trades go to the first row of a repeated
 * position, cash to the first row of a repeated currency; what is missing is created at the end.
 */
export type WorkingPortfolio = {
  readonly positions: Position[];
  readonly cash_balances: CashBalance[];
  readonly positionRows: Map<string, number>;
  readonly cashRows: Map<string, number>;
  readonly arithmetic: Arithmetic;
};

/** What both engines need of a trade to apply it. Quantity and notional are those of the intent. */
export type SettledTrade = {
  readonly side: "BUY" | "SELL";
  readonly instrumentId: string;
  readonly quantity: Decimal;
  readonly notional: Decimal;
  readonly currency: string;
};

export type SettledFx = {
  readonly buyCurrency: string;
  readonly buyAmount: Decimal;
  readonly sellCurrency: string;
  readonly sellAmount: Decimal;
};

/** Rows are shared with the snapshot until they change; the snapshot itself is never touched. */
export function copyPortfolio(portfolio: PortfolioSnapshot, arithmetic: Arithmetic): WorkingPortfolio {
  const positionRows = new Map<string, number>();
  portfolio.positions.forEach(({ instrument_id }, row) => {
    if (!positionRows.has(instrument_id)) positionRows.set(instrument_id, row);
  });
  const cashRows = new Map<string, number>();
  portfolio.cash_balances.forEach(({ currency }, row) => {
    if (!cashRows.has(currency)) cashRows.set(currency, row);
  });
  return {
    positions: [...portfolio.positions],
    cash_balances: [...portfolio.cash_balances],
    positionRows,
    cashRows,
    arithmetic,
  };
}

/** The balance of the first row of a currency, undefined without one. */
export function cashBalance(portfolio: WorkingPortfolio, currency: string): Decimal | undefined {
  const row = portfolio.cashRows.get(currency);
  return row === undefined ? undefined : portfolio.cash_balances[row]?.amount;
}

/** Adds to a currency's cash, opening an account at zero where there is none. */
export function addCash(portfolio: WorkingPortfolio, currency: string, amount: Decimal): void {
  changeCash(portfolio, currency, amount, portfolio.arithmetic.add);
}

export function applyTrade(portfolio: WorkingPortfolio, trade: SettledTrade): void {
  const { add, subtract } = portfolio.arithmetic;
  const buys = trade.side === "BUY";
  changeQuantity(portfolio, trade.instrumentId, trade.quantity, buys ? add : subtract);
  changeCash(portfolio, trade.currency, trade.notional, buys ? subtract : add);
}

export function applyFx(portfolio: WorkingPortfolio, fx: SettledFx): void {
  const { add, subtract } = portfolio.arithmetic;
  changeCash(portfolio, fx.sellCurrency, fx.sellAmount, subtract);
  changeCash(portfolio, fx.buyCurrency, fx.buyAmount, add);
}

type Change = Arithmetic["add"];

// Rows are built field by field: spreading them costs several times as much, and this runs for every trade.

function changeCash(portfolio: WorkingPortfolio, currency: string, amount: Decimal, change: Change): void {
  const row = rowOf(portfolio.cashRows, currency, portfolio.cash_balances.length);
  const account = portfolio.cash_balances[row];
  portfolio.cash_balances[row] = {
    currency,
    amount: change(account?.amount ?? ZERO, amount),
    settled: account?.settled ?? null,
    pending: account?.pending ?? null,
  };
}

/** A position sold to zero stays. */
function changeQuantity(portfolio: WorkingPortfolio, id: string, quantity: Decimal, change: Change): void {
  const row = rowOf(portfolio.positionRows, id, portfolio.positions.length);
  const position = portfolio.positions[row];
  portfolio.positions[row] = {
    instrument_id: id,
    quantity: change(position?.quantity ?? ZERO, quantity),
    market_value: position?.market_value ?? null,
    lots: position?.lots ?? [],
  };
}

function rowOf(rows: Map<string, number>, key: string, next: number): number {
  const row = rows.get(key);
  if (row !== undefined) return row;
  rows.set(key, next);
  return next;
}
