import type { ProposalState } from "./schemas.ts";
import type { EventRecord, ProposalRecord, ProposalStanding } from "./records.ts";

/** Where a history leads, from its events alone. */
export type Folded = {
  readonly state: ProposalState;
  readonly versionNo: number;
  readonly lastEventNo: number;
  readonly lastEventHash: string;
  readonly lastEventAt: string;
};

/** Folds events in the order of their numbers; undefined before the first. */
export function foldEvents(events: readonly EventRecord[]): Folded | undefined {
  let folded: Folded | undefined;
  for (const event of events) {
    folded = {
      state: event.toState,
      versionNo: event.versionHash === null ? (folded?.versionNo ?? 0) : event.relatedVersionNo,
      lastEventNo: event.eventNo,
      lastEventHash: event.eventHash,
      lastEventAt: event.occurredAt,
    };
  }
  return folded;
}

/** A proposal as its history up to some moment leaves it. The portfolio is that of the version of that moment. */
export function asFolded(proposal: ProposalRecord, folded: Folded, portfolioId: string): ProposalRecord {
  return { facts: proposal.facts, standing: { ...folded, portfolioId } };
}

/** What an event makes of where a proposal stands. */
export function standingAfter(
  event: EventRecord,
  before: Pick<ProposalStanding, "portfolioId" | "versionNo">,
): ProposalStanding {
  return {
    portfolioId: before.portfolioId,
    state: event.toState,
    versionNo: before.versionNo,
    lastEventNo: event.eventNo,
    lastEventHash: event.eventHash,
    lastEventAt: event.occurredAt,
  };
}
