import type { RulesVersion } from "../../../contract/options.ts";
import { contentHash } from "../../../platform/hash.ts";
import { canonicalJson } from "../../../platform/json/canonical-json.ts";
import type { WaveEventType, WaveState } from "../schemas.ts";

/**
 * The evidence chain of a wave: each event's hash covers the hash before it and its own content, and its content holds the
 * hash of whatever was written with it. The last event's covers all items and what they came to.
 */
const HASH_VERSION = 1;

/** An event before it is sealed into the chain. */
export type WaveEventDraft = {
  readonly wave_id: string;
  readonly event_no: number;
  readonly event_id: string;
  readonly event_type: WaveEventType;
  readonly from_state: WaveState | null;
  readonly to_state: WaveState;
  /** Null: nobody, the work itself came to its end. */
  readonly actor_id: string | null;
  readonly authenticated_subject: string | null;
  readonly occurred_at: string;
  readonly correlation_id: string;
  readonly reason: string | null;
  /** Canonical JSON of the counts at that moment. */
  readonly counts_text: string;
  /** Of the facts of the wave: with CREATED. */
  readonly wave_hash: string | null;
  /** Over the portfolios that came with it: with CREATED and PORTFOLIOS_ADDED. */
  readonly portfolios_hash: string | null;
  /** Over all items: when the wave is over. */
  readonly items_hash: string | null;
};

/** A link of the chain. */
export type WaveEventRow = WaveEventDraft & {
  readonly hash_version: number;
  /** Null for the first. */
  readonly previous_hash: string | null;
  readonly event_hash: string;
};

/** Binds an event to the one before it. Called under the lock of the wave, so that the chain has no forks. */
export function sealEvent(draft: WaveEventDraft, previousHash: string | null): WaveEventRow {
  const event_hash = hashOfEvent(draft, previousHash, HASH_VERSION);
  return { ...draft, hash_version: HASH_VERSION, previous_hash: previousHash, event_hash };
}

export function hashOfEvent(event: WaveEventDraft, previousHash: string | null, hashVersion: number): string {
  return contentHash(
    canonicalJson({
      actor_id: event.actor_id,
      authenticated_subject: event.authenticated_subject,
      correlation_id: event.correlation_id,
      counts: event.counts_text,
      event_id: event.event_id,
      event_no: event.event_no,
      event_type: event.event_type,
      from_state: event.from_state,
      hash_version: hashVersion,
      items_hash: event.items_hash,
      occurred_at: event.occurred_at,
      portfolios_hash: event.portfolios_hash,
      previous_hash: previousHash,
      reason: event.reason,
      to_state: event.to_state,
      wave_hash: event.wave_hash,
      wave_id: event.wave_id,
    }),
  );
}

/** What a wave is, and never ceases to be. */
export type WaveFacts = {
  readonly wave_id: string;
  readonly wave_name: string;
  readonly created_by: string;
  readonly authenticated_subject: string | null;
  readonly correlation_id: string;
  readonly created_at: string;
  readonly policy_pack_id: string | null;
  readonly policy_pack_version: string | null;
  readonly policy_pack_revision: number | null;
  /** A default pack was selected that does not exist: the runs go on without, and say so. */
  readonly is_pack_missing: boolean;
  /** The rules that items are calculated by which name none themselves, nor does the pack. */
  readonly default_rules_version: RulesVersion;
  readonly shared_hash: string;
};

export function hashOfFacts(facts: WaveFacts): string {
  return contentHash(
    canonicalJson({
      authenticated_subject: facts.authenticated_subject,
      correlation_id: facts.correlation_id,
      created_at: facts.created_at,
      created_by: facts.created_by,
      default_rules_version: facts.default_rules_version,
      is_pack_missing: facts.is_pack_missing,
      policy_pack_id: facts.policy_pack_id,
      policy_pack_revision: facts.policy_pack_revision,
      policy_pack_version: facts.policy_pack_version,
      shared_hash: facts.shared_hash,
      wave_id: facts.wave_id,
      wave_name: facts.wave_name,
    }),
  );
}
