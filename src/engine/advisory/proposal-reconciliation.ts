import type { ProposedCashFlow } from "../../contract/proposal.ts";
import type { Decimal } from "../../decimal/decimal.ts";
import { logMissingRate } from "../diagnostics.ts";
import { reconcile, type ReconciliationOutcome } from "../reconciliation.ts";
import type { Valuation } from "../valuation.ts";
import type { ProposalRun } from "./proposal-run.ts";

/** Checks that trades and FX preserve value. The expected total includes the cash flows. */
export function reconcileProposal(
  run: ProposalRun,
  before: Valuation,
  after: Valuation,
  flows: readonly ProposedCashFlow[],
): ReconciliationOutcome {
  const { arithmetic } = run.lookups;
  const expected = flows.reduce((total, flow) => addInBase(run, total, flow), before.total);
  const totals = {
    before: before.total,
    after: after.total,
    expected,
    toleranceBase: arithmetic.absolute(expected),
  };
  return reconcile(totals, run.lookups.baseCurrency, arithmetic);
}

function addInBase({ lookups, diagnostics }: ProposalRun, total: Decimal, flow: ProposedCashFlow): Decimal {
  const rate = lookups.rateToBase(flow.currency);
  const { add, multiply } = lookups.arithmetic;
  if (rate !== undefined) return add(total, multiply(flow.amount, rate));
  logMissingRate(diagnostics.data_quality, flow.currency, lookups.baseCurrency);
  return total;
}
