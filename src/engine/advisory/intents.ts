import type { FxSpotIntent, SecurityTradeIntent } from "../../contract/intents.ts";
import type { ProposalResult } from "../../contract/proposal.ts";
import { compareCodePoints } from "../order.ts";

export type ProposalIntent = ProposalResult["intents"][number];

export function isSecurityTrade(intent: ProposalIntent): intent is SecurityTradeIntent {
  return intent.intent_type === "SECURITY_TRADE";
}

export function isFx(intent: ProposalIntent): intent is FxSpotIntent {
  return intent.intent_type === "FX_SPOT";
}

/** The instruments of the emitted trades, each once, in order of the intents. */
export function tradedInstruments(intents: readonly ProposalIntent[]): Set<string> {
  return new Set(intents.filter(isSecurityTrade).map(({ instrument_id }) => instrument_id));
}

/** FX intents sorted by pair, those of one pair in the order in which they were made. */
export function sortedByPair(intents: Iterable<FxSpotIntent>): FxSpotIntent[] {
  return [...intents].sort((a, b) => compareCodePoints(a.pair, b.pair));
}
