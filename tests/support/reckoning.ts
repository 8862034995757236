import { expect } from "vitest";
import { RebalanceResult } from "../../src/contract/rebalance.ts";
import { ProposalCreateResponse } from "../../src/features/proposals/schemas.ts";
import { ProposalVerificationResponse } from "../../src/features/proposals/read-schemas.ts";
import { DpmRunVerificationResponse } from "../../src/features/support/schemas.ts";
import { post, type Acknowledged, type Load } from "./load.ts";
import { withSession } from "./session.ts";

const AT_ONCE = 8;

/** What is stored, each count with the number that the acknowledged writes of a load account for. */
const COUNTS = `
  select (select count(*) from rebalance_run)::int as runs,
         (select count(distinct idempotency_key) from rebalance_run)::int as run_keys,
         (select count(*) from run_payload)::int as payloads,
         (select count(*) from lineage_edge where edge_type = 'CORRELATION_TO_RUN')::int as correlation_edges,
         (select count(*) from lineage_edge where edge_type = 'IDEMPOTENCY_TO_RUN')::int as key_edges,
         (select count(*) from idempotency_history)::int as histories,
         (select count(*) from idempotency_record)::int as records,
         (select count(*) from proposal)::int as proposals,
         (select count(distinct created_by) from proposal)::int as creators,
         (select count(*) from proposal_version)::int as versions,
         (select count(*) from proposal_event)::int as events,
         (select count(*) from proposal where current_state = 'CANCELLED' and last_event_no = 3)::int as finished`;

/**
 * Reads everything after a load that was seen to its end, and holds that each acknowledged write is there once with the
 * bytes that were acknowledged, that nothing else is there, that no key is stuck and nothing is half done.
 */
export async function reckon(load: Load, base: string, adminUrl: string): Promise<void> {
  expect(load.surprises).toEqual([]);
  const runs = load.acknowledged.filter(({ path }) => path === "/rebalance/simulate");
  const proposals = load.acknowledged.filter(({ path }) => path === "/rebalance/proposals");
  const { rows } = await withSession(adminUrl, (session) => session.query(COUNTS));
  expect(rows).toEqual([
    {
      runs: runs.length,
      run_keys: runs.length,
      payloads: runs.length,
      correlation_edges: runs.length,
      key_edges: runs.length,
      histories: runs.length,
      records: load.acknowledged.length,
      proposals: proposals.length,
      creators: proposals.length,
      versions: proposals.length,
      events: 3 * proposals.length,
      finished: proposals.length,
    },
  ]);
  await each(load.acknowledged, (write) => replays(base, write));
  await each(runs, async ({ text }) => {
    const id = RebalanceResult.parse(JSON.parse(text)).rebalance_run_id;
    const verification = await getJson(`${base}/rebalance/runs/${id}/verify`);
    expect(DpmRunVerificationResponse.parse(verification).failures).toEqual([]);
  });
  await each(proposals, async ({ text }) => {
    const { proposal } = ProposalCreateResponse.parse(JSON.parse(text));
    const verification = await getJson(`${base}/rebalance/proposals/${proposal.proposal_id}/verify`);
    expect(ProposalVerificationResponse.parse(verification)).toMatchObject({
      valid: true,
      checked: { versions: 1, events: 3 },
      failures: [],
    });
  });
}

async function replays(base: string, { path, key, body, text }: Acknowledged): Promise<void> {
  expect(await post(base, path, key, body)).toEqual({ status: 200, text, isReplay: true });
}

async function getJson(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

/** A few at a time. */
async function each<T>(items: readonly T[], check: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of queue) await check(item);
    }),
  );
}

/** What a load has been through, for people who read the run's output. */
export function tellOf(title: string, load: Load): void {
  const { acknowledged, retries, recovered } = load;
  process.stdout.write(
    `${title}: ${String(acknowledged.length)} writes acknowledged, ${String(retries())} attempts repeated, ` +
      `${String(recovered())} found done\n`,
  );
}
