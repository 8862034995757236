import { expect } from "vitest";
import { WaveResponse, WaveVerificationResponse } from "../../src/features/waves/schemas.ts";
import { read, type TestApp } from "./app.ts";
import { withSession } from "./session.ts";
import type { Wave } from "./waves.ts";

/** What is stored of a wave, counted behind the back of the service. */
const COUNTS = `
  with item as (select * from wave_item where wave_id = $1),
       succeeded as (select * from item where status = 'SUCCEEDED'),
       run as (select r.* from rebalance_run r join wave w on w.wave_id = $1
                where starts_with(r.correlation_id, w.correlation_id || ':'))
  select (select count(*) from item)::int as items,
         (select count(*) from item where status in ('SUCCEEDED', 'FAILED', 'CANCELLED'))::int as ended,
         (select count(*) from succeeded)::int as succeeded,
         (select count(*) from run)::int as runs,
         (select count(*) from run join succeeded using (tenant_id, rebalance_run_id))::int as runs_of_items,
         (select count(distinct correlation_id) from run)::int as items_with_runs,
         (select count(*) from run join run_payload using (tenant_id, rebalance_run_id))::int as documents,
         (select count(*) from lineage_edge where source_entity_id = $1 and edge_type = 'WAVE_TO_RUN')::int as edges,
         (select count(*) from idempotency_record r join succeeded s
            on r.scope = 'waves.item ' || $1 and r.idempotency_key = s.item_key
               and r.rebalance_run_id = s.rebalance_run_id)::int as records,
         (select count(*) from idempotency_record where scope = 'waves.item ' || $1)::int as all_records`;

type Counts = Readonly<
  Record<
    | "items"
    | "ended"
    | "succeeded"
    | "runs"
    | "runs_of_items"
    | "items_with_runs"
    | "documents"
    | "edges"
    | "records"
    | "all_records",
    number
  >
>;

/** The sums over the runs of a wave, as PostgreSQL adds them up from the results. */
const SUMS = `
  with result as (select p.result_text::json as r from wave_item i join run_payload p using (tenant_id, rebalance_run_id)
                   where i.wave_id = $1),
       trade as (select t from result cross join json_array_elements(r -> 'intents') as t
                  where t ->> 'intent_type' = 'SECURITY_TRADE'),
       cash as (select place, c from result
                 cross join lateral (values ('cash_before', r #> '{before,cash_balances}'),
                                            ('cash_after', r #> '{after_simulated,cash_balances}')) as s (place, list)
                 cross join json_array_elements(list) as c)
  select 'turnover' as name, t #>> '{notional_base,currency}' as label, sum((t #>> '{notional_base,amount}')::numeric)::text as amount
    from trade group by 1, 2
   union all
  select place, c ->> 'currency', sum((c ->> 'amount')::numeric)::text from cash group by 1, 2
   union all
  select 'trades', (t ->> 'side') || ' ' || (t ->> 'instrument_id'), sum((t #>> '{notional_base,amount}')::numeric)::text
    from trade group by 1, 2`;

function canonical(amount: string): string {
  return amount.includes(".") ? amount.replace(/\.?0+$/, "") : amount;
}

/**
 * Holds of a wave that is over: every item has ended, every one that succeeded has exactly one run with all that belongs to
 * it, no run belongs to none, the sums are those of the runs, and the chain is valid. Returns what was counted.
 */
export async function reckonWave(
  app: Pick<TestApp, "get">,
  adminUrl: string,
  { wave_id }: Pick<Wave, "wave_id">,
): Promise<Counts> {
  const { counted, sums } = await withSession(adminUrl, async (session) => {
    const [counts] = (await session.query<Counts>(COUNTS, [wave_id])).rows;
    const { rows } = await session.query<{ name: string; label: string; amount: string }>(SUMS, [wave_id]);
    return {
      counted: counts,
      sums: rows.map(({ name, label, amount }) => `${name} ${label} ${canonical(amount)}`),
    };
  });
  if (counted === undefined) throw new Error("nothing was counted");
  const { items, succeeded } = counted;
  expect(counted).toEqual({
    items,
    ended: items,
    succeeded,
    runs: succeeded,
    runs_of_items: succeeded,
    items_with_runs: succeeded,
    documents: succeeded,
    edges: succeeded,
    records: succeeded,
    all_records: succeeded,
  });
  const wave = read(WaveResponse, await app.get(`/rebalance/waves/${wave_id}`));
  expect(wave.counts).toMatchObject({
    total: items,
    items: { PENDING: 0, RUNNING: 0, SUCCEEDED: succeeded },
  });
  const { turnover, cash_before, cash_after, trades } = wave.aggregates;
  const shown = [
    ...turnover.map(({ amount, currency }) => `turnover ${currency} ${amount}`),
    ...cash_before.map(({ amount, currency }) => `cash_before ${currency} ${amount}`),
    ...cash_after.map(({ amount, currency }) => `cash_after ${currency} ${amount}`),
    ...trades.map(
      ({ side, instrument_id, notional_base }) => `trades ${side} ${instrument_id} ${notional_base.amount}`,
    ),
  ];
  expect(shown.toSorted()).toEqual(sums.toSorted());
  const verified = read(WaveVerificationResponse, await app.get(`/rebalance/waves/${wave_id}/verify`));
  expect(verified).toMatchObject({ valid: true, checked: { items, runs: succeeded } });
  return counted;
}
