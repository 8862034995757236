import type { CashFlowIntent } from "../../contract/intents.ts";
import type { ProposedCashFlow } from "../../contract/proposal.ts";
import { isNegative, ZERO } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { cashBalance, addCash } from "../working-portfolio.ts";
import { failWithWarning, type ProposalRun } from "./proposal-run.ts";

/** Deposits and withdrawals in request order; a guarded withdrawal that overdraws its account blocks. */
export function applyCashFlows(run: ProposalRun, flows: readonly ProposedCashFlow[]): CashFlowIntent[] {
  return flows.map((flow, index) => {
    addCash(run.portfolio, flow.currency, flow.amount);
    const balance = cashBalance(run.portfolio, flow.currency) ?? ZERO;
    if (run.options.proposal_block_negative_cash && isNegative(balance)) {
      failWithWarning(run, "PROPOSAL_WITHDRAWAL_NEGATIVE_CASH");
    }
    return {
      amount: toText(flow.amount),
      currency: flow.currency,
      description: flow.description,
      intent_id: `oi_cf_${index + 1}`,
      intent_type: "CASH_FLOW",
    };
  });
}
