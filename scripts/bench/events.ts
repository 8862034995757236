import { randomUUID } from "node:crypto";
import pg from "pg";
import { EventPage, feedCursor } from "../../src/features/events/schemas.ts";
import { send } from "../demo/client.ts";
import { percentilesOf, type Percentiles } from "./percentiles.ts";
import { simulateBody } from "./portfolio.ts";
import type { BenchService } from "./service.ts";

export type EventFigure = Percentiles & { readonly what: string; readonly meanMs: number };

const TENANT = "default";
const POSITIONS = 20;
const ROUNDS = 40;
const WRITES_A_ROUND = 25;
const CALLS = 300;
const WAITS = 40;
const FILL_BATCH = 500_000;
const EVENTS_A_TRANSACTION = 3;
const FIRST_XID = 1_000;

/**
 * What the outbox adds to a write: one caller simulates, in short turns with and without the trigger, so that whatever else
 * goes on is shared by both.
 */
export async function benchOutbox({ base, ownerUrl }: BenchService): Promise<EventFigure[]> {
  const owner = await connect(ownerUrl);
  const times = { without: [] as number[], with: [] as number[] };
  const body = simulateBody(POSITIONS);
  const write = () => post(base, body);
  for (let call = 0; call < 200; call += 1) await write();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const what of round % 2 === 0 ? (["with", "without"] as const) : (["without", "with"] as const)) {
      const change = what === "with" ? "enable" : "disable";
      await owner.query(`alter table rebalance_run ${change} trigger rebalance_run_announced`);
      for (let call = 0; call < 3; call += 1) await write();
      for (let call = 0; call < WRITES_A_ROUND; call += 1) times[what].push(await timeOf(write));
    }
  }
  await owner.query("alter table rebalance_run enable trigger rebalance_run_announced");
  await owner.end();
  return [
    figureOf("simulate, without the outbox", times.without),
    figureOf("simulate, with the outbox", times.with),
  ];
}

/** Puts events into the outbox as of an earlier epoch, a few in each transaction, every tenth of another type. */
export async function fillEvents(ownerUrl: string, events: number): Promise<void> {
  const owner = await connect(ownerUrl);
  for (let first = 1; first <= events; first += FILL_BATCH) {
    const last = Math.min(first + FILL_BATCH - 1, events);
    await owner.query(FILL, [TENANT, first, last, EVENTS_A_TRANSACTION, FIRST_XID]);
    process.stderr.write(`${last} of ${events} events\n`);
  }
  await owner.query("vacuum analyze outbox_event");
  await owner.end();
}

const FILL = `
  insert into outbox_event (tenant_id, epoch, xid, type, subject, data_text, traceparent)
  select $1, (select max(epoch) - 1 from outbox_epoch), ($5::bigint + n / $4::int)::text::xid8,
         case when n % 10 = 0 then 'ballast.run.reviewed' else 'ballast.run.created' end, 'rr_' || md5(n::text),
         '{"authenticated_subject":null,"batch_run_id":null,"correlation_id":"corr_' || left(md5(n::text), 12)
           || '","engine_version":"0.1.0","input_hash":"sha256:' || md5(n::text) || md5(n::text)
           || '","policy_pack_id":null,"policy_pack_version":null,"portfolio_id":"pf_1","rebalance_run_id":"rr_'
           || md5(n::text) || '","request_hash":"sha256:' || md5(n::text) || md5(n::text) || '","result_hash":"sha256:'
           || md5(n::text) || md5(n::text) || '","status":"READY"}',
         '00-' || md5(n::text) || '-00f067aa0ba902b7-01'
    from generate_series($2::int, $3::int) n`;

/** Pages from anywhere in a filled feed, one caller at a time, and how soon who waits is answered. */
export async function benchEvents({ base, ownerUrl }: BenchService, events: number): Promise<EventFigure[]> {
  const owner = await connect(ownerUrl);
  const { rows } = await owner.query<{ epoch: string }>("select max(epoch) - 1 as epoch from outbox_epoch");
  await owner.end();
  const epoch = rows[0]?.epoch ?? "0";
  const anywhere = () => {
    const event = Math.floor(Math.random() * (events - 10_000));
    const xid = String(FIRST_XID + Math.floor(event / EVENTS_A_TRANSACTION));
    return feedCursor.encode(TENANT, { epoch, xid, sequence: "0" });
  };
  const newest = await endOfFeed(
    base,
    feedCursor.encode(TENANT, { epoch, xid: String(events), sequence: "0" }),
  );
  const pages: EventFigure[] = [];
  for (const [what, path] of [
    ["a page of 1,000 from anywhere", () => `/events?limit=1000&after=${anywhere()}`],
    [
      "those of a type, a tenth, among 5,000 from anywhere",
      () => `/events?limit=1000&type=ballast.run.reviewed&after=${anywhere()}`,
    ],
    ["the oldest 1,000", () => "/events?limit=1000"],
    ["behind the newest: an empty page", () => `/events?limit=1000&after=${newest}`],
  ] as const) {
    const times: number[] = [];
    for (let call = 0; call < CALLS; call += 1) times.push(await timeOf(() => get(base, path())));
    pages.push(figureOf(what, times));
  }
  return [...pages, await benchWaiting(base, newest)];
}

/** From the answer to a write until the answer to who waits for its event. */
async function benchWaiting(base: string, newest: string): Promise<EventFigure> {
  const times: number[] = [];
  let after = newest;
  for (let call = 0; call < WAITS; call += 1) {
    const waiting = get(base, `/events?wait=30&after=${after}`);
    await post(base, simulateBody(POSITIONS));
    times.push(await timeOf(() => waiting));
    after = EventPage.parse(JSON.parse(await waiting)).next_cursor;
  }
  return figureOf("from a write's answer until who waits is answered", times);
}

async function endOfFeed(base: string, after: string): Promise<string> {
  const { events, next_cursor } = EventPage.parse(
    JSON.parse(await get(base, `/events?limit=1000&after=${after}`)),
  );
  return events.length === 0 ? next_cursor : endOfFeed(base, next_cursor);
}

async function connect(url: string): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: url, application_name: "ballast-bench" });
  await session.connect();
  return session;
}

async function timeOf(call: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await call();
  return performance.now() - startedAt;
}

function figureOf(what: string, times: readonly number[]): EventFigure {
  const meanMs = times.reduce((sum, time) => sum + time, 0) / times.length;
  return { what, meanMs, ...percentilesOf(times) };
}

async function post(base: string, body: unknown): Promise<string> {
  const reply = await send(base, "POST", "/rebalance/simulate", { body, key: randomUUID() });
  if (reply.status !== 200) throw new Error(`${reply.status} ${reply.text}`);
  return reply.text;
}

async function get(base: string, path: string): Promise<string> {
  const reply = await send(base, "GET", path);
  if (reply.status !== 200) throw new Error(`${path}: ${reply.status} ${reply.text}`);
  return reply.text;
}
