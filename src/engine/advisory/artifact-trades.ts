import type {
  ProposalArtifactFx,
  ProposalArtifactTrade,
  ProposalArtifactTradesAndFunding,
} from "../../contract/artifact.ts";
import type { FxSpotIntent, SecurityTradeIntent } from "../../contract/intents.ts";
import type { ProposalResult, ProposalSimulateRequest } from "../../contract/proposal.ts";
import { toFixedText } from "../../decimal/text.ts";
import { indexQuotes, type FxQuotes } from "../fx.ts";
import type { Rules } from "../versions.ts";
import { isFx, isSecurityTrade, sortedByPair } from "./intents.ts";

const RATE_DECIMALS = 4;
const FLOWS_FIRST = "CASH_FLOW->SELL->FX->BUY";
const FLOWS_LAST = "SELL->FX->BUY->CASH_FLOW";
const DEPENDENCY_NOTE = {
  code: "DEPENDENCY",
  text: "Some trades may be sent only after the trades that they depend on.",
};

/** The trades in the order of execution, and the FX trades that fund them. */
export function tradesAndFunding(
  request: ProposalSimulateRequest,
  result: ProposalResult,
  { advisory }: Rules,
): ProposalArtifactTradesAndFunding {
  const trades = result.intents.filter(isSecurityTrade);
  const quotes = indexQuotes(request.market_data_snapshot.fx_rates);
  const dependent = trades.some(({ dependencies }) => dependencies.length > 0);
  return {
    execution_notes: dependent ? [DEPENDENCY_NOTE] : [],
    fx_list: sortedByPair(result.intents.filter(isFx)).map((intent) => fxEntry(intent, quotes)),
    ordering_policy: advisory.areFlowsFirst(request.options) ? FLOWS_FIRST : FLOWS_LAST,
    trade_list: trades.map(tradeEntry),
  };
}

function tradeEntry(intent: SecurityTradeIntent): ProposalArtifactTrade {
  return {
    dependencies: intent.dependencies,
    estimated_notional: intent.notional,
    estimated_notional_base: intent.notional_base,
    instrument_id: intent.instrument_id,
    intent_id: intent.intent_id,
    quantity: intent.quantity ?? "0",
    rationale: intent.rationale ?? { code: "NONE", message: "No reason was given" },
    side: intent.side,
    type: "SECURITY_TRADE",
  };
}

/** `rate` is the quote of exactly this pair, null where the trade used the inverse of the opposite quote. */
function fxEntry(intent: FxSpotIntent, quotes: FxQuotes): ProposalArtifactFx {
  const quote = quotes.get(intent.pair);
  return {
    buy_amount: intent.buy_amount,
    intent_id: intent.intent_id,
    pair: intent.pair,
    rate: quote === undefined ? null : toFixedText(quote, RATE_DECIMALS),
    sell_amount_estimated: intent.sell_amount_estimated,
  };
}
