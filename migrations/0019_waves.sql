-- Waves: many portfolios rebalanced against one set of market data, model and shelf, each exactly once
-- (docs/adr/0024-waves.md).
--
-- `wave` is the aggregate: its lock orders what happens to a wave, and the end of each of its items. It holds what the
-- newest event left behind, and what has ended is counted in it, by the transaction that ended it.

create table wave (
  tenant_id             text        not null check (tenant_id <> ''),
  wave_id               text        not null check (wave_id ~ '^rw_[0-9a-f]{32}$'),
  wave_name             text        not null,
  created_by            text        not null,
  authenticated_subject text,
  correlation_id        text        not null,
  created_at            timestamptz not null,
  -- The pack in force when the wave was created, for every item; null: none
  policy_pack_id        text,
  policy_pack_version   text,
  policy_pack_revision  integer,
  -- A default pack was selected that does not exist: the runs go on without, and say so
  is_pack_missing       boolean     not null,
  -- The rules that items are calculated by which name none themselves, nor does the pack
  default_rules_version text        not null,
  -- What all items are calculated with, as canonical JSON
  shared_text           text        not null,
  shared_hash           text        not null check (shared_hash ~ '^sha256:[0-9a-f]{64}$'),
  -- What the newest event left behind; nothing above ever changes
  state                 text        not null,
  last_event_no         integer     not null,
  last_event_hash       text        not null,
  last_event_at         timestamptz not null,
  -- The items, and those that have ended: by the status of their run, or without one
  item_count            integer     not null check (item_count between 0 and 100000),
  ready_count           integer     not null default 0 check (ready_count >= 0),
  pending_review_count  integer     not null default 0 check (pending_review_count >= 0),
  blocked_count         integer     not null default 0 check (blocked_count >= 0),
  failed_count          integer     not null default 0 check (failed_count >= 0),
  cancelled_count       integer     not null default 0 check (cancelled_count >= 0),
  -- Since when it runs, or ran last, and how many items had ended then: what its rate is worked out from
  running_since         timestamptz,
  ended_before          integer     not null default 0,
  -- No item of it is under way, or will be: it is over, unless failed items are retried
  settled_at            timestamptz,
  -- Its purge has begun: it is not there for anybody who reads
  is_expired            boolean     not null default false,
  constraint wave_pkey primary key (tenant_id, wave_id),
  constraint wave_pack check (
    (policy_pack_id is null) = (policy_pack_version is null)
    and (policy_pack_id is null) = (policy_pack_revision is null)
    and (policy_pack_id is null or not is_pack_missing)),
  constraint wave_ended check (
    ready_count + pending_review_count + blocked_count + failed_count + cancelled_count <= item_count),
  constraint wave_settled check (
    settled_at is null
    or state in ('COMPLETED', 'COMPLETED_WITH_FAILURES', 'CANCELLED')
       and ready_count + pending_review_count + blocked_count + failed_count + cancelled_count = item_count)
);

-- GET /rebalance/waves, newest first, from any page
create index wave_newest on wave (tenant_id, created_at desc, wave_id desc);
-- …?state=
create index wave_by_state on wave (tenant_id, state, created_at desc, wave_id desc);
-- …?created_by=
create index wave_by_creator on wave (tenant_id, created_by, created_at desc, wave_id desc);
-- The claim, and what is left to do of cancelled waves: the few that are under way, whatever the table holds
create index wave_under_way on wave (state) where settled_at is null and state <> 'DRAFT';
-- The retention job: waves past their keep
create index wave_over on wave (settled_at) where settled_at is not null;

-- Portfolios as they were sent, in canonical JSON. They come in parts, ahead of the transaction that makes items of them
-- all; what never became an item is deleted after a day.
create table wave_portfolio (
  tenant_id      text        not null check (tenant_id <> ''),
  upload_id      text        not null check (upload_id ~ '^rwu_[0-9a-f]{32}$'),
  line_no        integer     not null check (line_no >= 1),
  -- Null: it has none of its own, nor a portfolio id that could be one
  item_key       text        collate "C",
  portfolio_id   text,
  portfolio_text text        not null,
  portfolio_hash text        not null check (portfolio_hash ~ '^sha256:[0-9a-f]{64}$'),
  -- What is wrong with it, as a JSON list; null: nothing
  faults_text    text,
  sent_at        timestamptz not null,
  constraint wave_portfolio_pkey primary key (tenant_id, upload_id, line_no)
);
-- The retention job: what never became an item
create index wave_portfolio_sent on wave_portfolio (sent_at) where line_no = 1;

create table wave_item (
  tenant_id        text    not null,
  wave_id          text    not null,
  -- Byte order: the order of the hash over all items, and of every list of them
  item_key         text    collate "C" not null check (item_key <> ''),
  -- The order in which they were added, and are worked on
  position         integer not null check (position >= 1),
  upload_id        text    not null,
  line_no          integer not null,
  portfolio_id     text,
  status           text    not null default 'PENDING',
  -- As of async_operation: claims so far, whose, and when it may be claimed
  attempt          integer not null default 0 check (attempt >= 0),
  lease_owner      text,
  claimable_at     timestamptz,
  failed_attempts  integer not null default 0 check (failed_attempts >= 0),
  failing_since    timestamptz,
  lost_attempts    integer not null default 0 check (lost_attempts >= 0),
  -- What it made. No foreign key: a run that has outlived its keep goes before its wave.
  rebalance_run_id text,
  run_status       text    check (run_status in ('READY', 'PENDING_REVIEW', 'BLOCKED')),
  result_hash      text    check (result_hash ~ '^sha256:[0-9a-f]{64}$'),
  -- How it failed, or the last attempt of one that has not ended
  error_code       text,
  error_message    text,
  errors_text      text,
  started_at       timestamptz,
  finished_at      timestamptz,
  constraint wave_item_pkey primary key (tenant_id, wave_id, item_key),
  constraint wave_item_wave_fkey foreign key (tenant_id, wave_id) references wave,
  constraint wave_item_portfolio_fkey foreign key (tenant_id, upload_id, line_no) references wave_portfolio,
  constraint wave_item_portfolio_key unique (tenant_id, upload_id, line_no),
  constraint wave_item_error check (
    (error_code is null) = (error_message is null) and (errors_text is null or error_code is not null)),
  constraint wave_item_state check (
    (rebalance_run_id is not null) = (status = 'SUCCEEDED')
    and (run_status is not null) = (status = 'SUCCEEDED')
    and (result_hash is not null) = (status = 'SUCCEEDED')
    and case status
      when 'PENDING' then lease_owner is null and claimable_at is not null and started_at is null and finished_at is null
      when 'RUNNING' then lease_owner is not null and claimable_at is not null and started_at is not null
        and finished_at is null and attempt >= 1
      when 'SUCCEEDED' then lease_owner is not null and claimable_at is null and started_at is not null
        and finished_at is not null and error_code is null
      when 'FAILED' then lease_owner is not null and claimable_at is null and started_at is not null
        and finished_at is not null and error_code is not null
      when 'CANCELLED' then lease_owner is null and claimable_at is null and started_at is null
        and finished_at is not null
      else false
    end)
) with (fillfactor = 80);
-- The claim: what is due of one wave, in the order in which it was added
create index wave_item_due on wave_item (tenant_id, wave_id, claimable_at, position) where status = 'PENDING';
-- The claim: run-out leases, of whichever waves; and the count of what is under way
create index wave_item_leased on wave_item (claimable_at) where status = 'RUNNING';
create index wave_item_running on wave_item (tenant_id, wave_id) where status = 'RUNNING';
-- GET …/items?status=, and the retry of what failed
create index wave_item_by_status on wave_item (tenant_id, wave_id, status, item_key);
-- …?run_status=
create index wave_item_by_run_status on wave_item (tenant_id, wave_id, run_status, item_key) where run_status is not null;
-- The item of a run: at most one
create unique index wave_item_of_run on wave_item (tenant_id, rebalance_run_id) where rebalance_run_id is not null;
-- Its rows change twice each, and then never again: readers and claims must not walk over what is gone.
alter table wave_item set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0.1);

-- The history of a wave, chained as that of a proposal.
create table wave_event (
  tenant_id             text        not null,
  wave_id               text        not null,
  event_no              integer     not null check (event_no >= 1),
  event_id              text        not null check (event_id ~ '^rwe_[0-9a-f]{32}$'),
  event_type            text        not null,
  from_state            text,
  to_state              text        not null,
  -- Null: nobody was named, or the work itself came to its end
  actor_id              text,
  authenticated_subject text,
  occurred_at           timestamptz not null,
  correlation_id        text        not null,
  reason                text,
  -- The items by status and by run status at that moment, as canonical JSON
  counts_text           text        not null,
  -- What was written with the event: the facts of the wave, its new portfolios; and over all items, when it is over
  wave_hash             text        check (wave_hash ~ '^sha256:[0-9a-f]{64}$'),
  portfolios_hash       text        check (portfolios_hash ~ '^sha256:[0-9a-f]{64}$'),
  items_hash            text        check (items_hash ~ '^sha256:[0-9a-f]{64}$'),
  hash_version          smallint    not null check (hash_version = 1),
  previous_hash         text,
  event_hash            text        not null check (event_hash ~ '^sha256:[0-9a-f]{64}$'),
  previous_event_no     integer     generated always as (nullif(event_no - 1, 0)) stored,
  constraint wave_event_pkey primary key (tenant_id, wave_id, event_no),
  constraint wave_event_id_key unique (tenant_id, event_id),
  constraint wave_event_wave_fkey foreign key (tenant_id, wave_id) references wave,
  constraint wave_event_link unique (tenant_id, wave_id, event_no, event_hash, to_state),
  constraint wave_event_chain
    foreign key (tenant_id, wave_id, previous_event_no, previous_hash, from_state)
    references wave_event (tenant_id, wave_id, event_no, event_hash, to_state),
  constraint wave_event_first check (
    case when event_no = 1 then event_type = 'CREATED' and previous_hash is null
         else event_type <> 'CREATED' and previous_hash is not null and from_state is not null
    end),
  constraint wave_event_legal check (
    (case event_type
       when 'CREATED' then from_state is null and to_state = 'DRAFT'
       when 'PORTFOLIOS_ADDED' then from_state = 'DRAFT' and to_state = 'DRAFT'
       when 'STARTED' then from_state = 'DRAFT' and to_state = 'RUNNING'
       when 'PAUSED' then from_state = 'RUNNING' and to_state = 'PAUSED'
       when 'RESUMED' then from_state = 'PAUSED' and to_state = 'RUNNING'
       when 'CANCELLED' then from_state in ('DRAFT', 'RUNNING', 'PAUSED') and to_state = 'CANCELLED'
       when 'SETTLED' then from_state = 'CANCELLED' and to_state = 'CANCELLED'
       when 'COMPLETED' then from_state = 'RUNNING' and to_state = 'COMPLETED'
       when 'COMPLETED_WITH_FAILURES' then from_state = 'RUNNING' and to_state = 'COMPLETED_WITH_FAILURES'
       when 'FAILED_RETRIED' then from_state = 'COMPLETED_WITH_FAILURES' and to_state = 'RUNNING'
       else false
     end) is true),
  constraint wave_event_covers check (
    (wave_hash is not null) = (event_type = 'CREATED')
    and (portfolios_hash is not null) = (event_type in ('CREATED', 'PORTFOLIOS_ADDED'))
    and (items_hash is not null) = (event_type in ('COMPLETED', 'COMPLETED_WITH_FAILURES', 'SETTLED'))
    and (actor_id is null or event_type not in ('COMPLETED', 'COMPLETED_WITH_FAILURES', 'SETTLED')))
);
-- What refers to what is written after it is judged at COMMIT.
alter table wave
  add constraint wave_stands_where_event_left
    foreign key (tenant_id, wave_id, last_event_no, last_event_hash, state)
    references wave_event (tenant_id, wave_id, event_no, event_hash, to_state)
    deferrable initially deferred;

-- The sums over the runs of a wave, kept by the transactions that write the runs. `label` is the instrument of a trade.
create table wave_total (
  tenant_id text    not null,
  wave_id   text    not null,
  measure   text    not null check (measure in ('TURNOVER', 'REALIZED_GAIN', 'REALIZED_LOSS', 'FX_BOUGHT', 'FX_SOLD',
                                                'CASH_BEFORE', 'CASH_AFTER', 'BUY', 'SELL')),
  label     text    collate "C" not null,
  currency  text    not null,
  amount    numeric not null,
  quantity  numeric not null,
  count     bigint  not null,
  constraint wave_total_pkey primary key (tenant_id, wave_id, measure, label, currency),
  constraint wave_total_wave_fkey foreign key (tenant_id, wave_id) references wave
) with (fillfactor = 50);

-- What must hold between two states of one item, whoever writes.
create function guard_wave_item() returns trigger
  language plpgsql
as $$
declare
  is_same_attempt boolean := new.attempt = old.attempt and new.lease_owner is not distinct from old.lease_owner;
  is_next_attempt boolean := new.attempt = old.attempt + 1;
  is_legal boolean := case old.status || ' ' || new.status
    when 'PENDING PENDING' then is_same_attempt
    -- A wave that does not run starts no item
    when 'PENDING RUNNING' then is_next_attempt and exists (
      select from wave w where w.tenant_id = new.tenant_id and w.wave_id = new.wave_id and w.state = 'RUNNING')
    when 'PENDING CANCELLED' then is_same_attempt
    -- Its holder renews the lease; another takes over only once it has run out
    when 'RUNNING RUNNING' then is_same_attempt or (is_next_attempt and old.claimable_at <= now())
    -- Another attempt later, or given back as if it had not been taken
    when 'RUNNING PENDING' then new.attempt in (old.attempt, old.attempt - 1)
    when 'RUNNING SUCCEEDED' then is_same_attempt
    when 'RUNNING FAILED' then is_same_attempt
    when 'FAILED PENDING' then new.attempt = old.attempt
    else false
  end;
begin
  if not is_legal then
    raise exception 'item % of wave % may not go from % (attempt %) to % (attempt %)',
      old.item_key, old.wave_id, old.status, old.attempt, new.status, new.attempt
      using errcode = 'check_violation', constraint = 'wave_item_transition', table = 'wave_item';
  end if;
  new.lost_attempts := case
    when old.status = 'RUNNING' and new.status = 'RUNNING' and is_next_attempt then old.lost_attempts + 1
    -- It recorded its end. One that was given back did not, but it did not vanish either.
    when old.status = 'RUNNING' and new.status <> 'RUNNING' and new.attempt = old.attempt then 0
    else old.lost_attempts
  end;
  return new;
end
$$;
create trigger wave_item_transition before update on wave_item
  for each row execute function guard_wave_item();

-- The edge from a wave to each of its runs.
alter table lineage_edge drop constraint lineage_edge_edge_type_check;
alter table lineage_edge add constraint lineage_edge_edge_type_check check (
  edge_type in ('CORRELATION_TO_RUN', 'IDEMPOTENCY_TO_RUN', 'OPERATION_TO_CORRELATION', 'WAVE_TO_RUN')) not valid;
alter table lineage_edge validate constraint lineage_edge_edge_type_check;

-- The stored answers of a wave go with it. Those of its items go with their runs.
alter table idempotency_record
  add column wave_id text,
  add constraint idempotency_record_wave_fkey foreign key (tenant_id, wave_id) references wave;
create index idempotency_record_by_wave on idempotency_record (tenant_id, wave_id) where wave_id is not null;

alter table wave           enable row level security, force row level security;
alter table wave_portfolio enable row level security, force row level security;
alter table wave_item      enable row level security, force row level security;
alter table wave_event     enable row level security, force row level security;
alter table wave_total     enable row level security, force row level security;

create policy tenant_isolation on wave           using (tenant_id = current_tenant());
create policy tenant_isolation on wave_portfolio using (tenant_id = current_tenant());
create policy tenant_isolation on wave_item      using (tenant_id = current_tenant());
create policy tenant_isolation on wave_event     using (tenant_id = current_tenant());
create policy tenant_isolation on wave_total     using (tenant_id = current_tenant());

grant select, insert on wave, wave_portfolio, wave_item, wave_event, wave_total to ballast_service;
grant update (state, last_event_no, last_event_hash, last_event_at, item_count, ready_count, pending_review_count,
              blocked_count, failed_count, cancelled_count, running_since, ended_before, settled_at)
  on wave to ballast_service;
grant update (status, attempt, lease_owner, claimable_at, failed_attempts, failing_since, rebalance_run_id, run_status,
              result_hash, error_code, error_message, errors_text, started_at, finished_at)
  on wave_item to ballast_service;
grant update (amount, quantity, count) on wave_total to ballast_service;

create trigger wave_facts_append_only
  before update of tenant_id, wave_id, wave_name, created_by, authenticated_subject, correlation_id, created_at,
    policy_pack_id, policy_pack_version, policy_pack_revision, is_pack_missing,
    default_rules_version, shared_text, shared_hash on wave
  for each statement execute function refuse_change();
create trigger wave_append_only before delete or truncate on wave
  for each statement execute function refuse_change();
create trigger wave_portfolio_append_only before update or delete or truncate on wave_portfolio
  for each statement execute function refuse_change();
create trigger wave_item_facts_append_only
  before update of tenant_id, wave_id, item_key, position, upload_id, line_no, portfolio_id on wave_item
  for each statement execute function refuse_change();
create trigger wave_item_append_only before delete or truncate on wave_item
  for each statement execute function refuse_change();
create trigger wave_event_append_only before update or delete or truncate on wave_event
  for each statement execute function refuse_change();
create trigger wave_total_append_only before delete or truncate on wave_total
  for each statement execute function refuse_change();

-- The feed tells of each step of a wave; of its runs it tells as of all others.
create function announce_wave_events() returns trigger language plpgsql as $$
declare of_epoch constant bigint := current_epoch();
begin
  insert into outbox_event (tenant_id, epoch, type, subject, data_text)
  select w.tenant_id, of_epoch,
         case w.event_type
           when 'CREATED' then 'ballast.wave.created'
           when 'PORTFOLIOS_ADDED' then 'ballast.wave.portfolios_added'
           when 'STARTED' then 'ballast.wave.started'
           when 'PAUSED' then 'ballast.wave.paused'
           when 'RESUMED' then 'ballast.wave.resumed'
           when 'CANCELLED' then 'ballast.wave.cancelled'
           when 'SETTLED' then 'ballast.wave.settled'
           when 'COMPLETED' then 'ballast.wave.completed'
           when 'COMPLETED_WITH_FAILURES' then 'ballast.wave.completed_with_failures'
           else 'ballast.wave.failed_retried'
         end,
         w.wave_id, row_to_json(data)::text
    from came w
   cross join lateral (
     select w.actor_id, w.authenticated_subject, w.correlation_id, w.counts_text::json as counts, w.event_hash,
            w.event_id, w.event_no, w.event_type, w.from_state, w.items_hash, w.to_state, w.wave_id) as data
   order by w.event_no;
  return null;
end
$$;
create trigger wave_event_announced after insert on wave_event
  referencing new table as came for each statement execute function announce_wave_events();

-- Across tenants, items are found and claimed by functions, as operations are (0013).
create policy claimer_sees on wave for select to ballast_claimer using (true);
-- It holds a wave still while it takes items of it, and changes nothing.
create policy claimer_holds on wave for update to ballast_claimer using (true) with check (false);
create policy claimer_sees on wave_item for select to ballast_claimer using (true);
create policy claimer_claims on wave_item for update to ballast_claimer
  using (finished_at is null) with check (status = 'RUNNING');
grant select (tenant_id, wave_id, state, settled_at), update (state) on wave to ballast_claimer;
grant select (tenant_id, wave_id, item_key, position, status, attempt, lost_attempts, claimable_at, finished_at),
      update (status, attempt, lease_owner, claimable_at, started_at) on wave_item to ballast_claimer;

-- Takes items: first those whose lease has run out, in whatever state their wave is, as what is under way ends; then what
-- is due of waves that run, of which it holds each still, so that none is paused in between. What others are taking at
-- this moment is passed over. An item that was lost twice or more comes alone, when nothing else is due: it may be what
-- took its workers with it, and must take nobody else's attempts along.
create function claim_wave_items(owner text, lease_ms double precision, batch_size integer, started timestamptz)
  returns table (tenant_id text, wave_id text, item_key text, lease_owner text, attempt integer, lost_attempts integer)
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
  room    integer := least(batch_size, 1000);
  tenants text[] := '{}';
  waves   text[] := '{}';
  keys    text[] := '{}';
  found_tenants text[];
  found_waves   text[];
  found_keys    text[];
  running record;
  is_alone boolean;
begin
  foreach is_alone in array array[false, true] loop
    select array_agg(due.tenant_id), array_agg(due.wave_id), array_agg(due.item_key)
      into found_tenants, found_waves, found_keys
      from (select i.tenant_id, i.wave_id, i.item_key
              from wave_item i
             where i.status = 'RUNNING'
               and i.claimable_at <= now()
               and (i.lost_attempts >= 2) = is_alone
             order by i.claimable_at
             limit case when is_alone then 1 else room end
               for update skip locked) as due;
    if found_keys is not null then
      tenants := tenants || found_tenants;
      waves := waves || found_waves;
      keys := keys || found_keys;
    end if;
    for running in
      select w.tenant_id, w.wave_id
        from wave w
       where w.state = 'RUNNING'
         and w.settled_at is null
       order by random()
    loop
      exit when cardinality(keys) >= case when is_alone then 1 else room end;
      continue when not exists (
        select from wave_item i
         where i.tenant_id = running.tenant_id
           and i.wave_id = running.wave_id
           and i.status = 'PENDING'
           and i.claimable_at <= now()
           and (i.lost_attempts >= 2) = is_alone);
      perform from wave w
        where w.tenant_id = running.tenant_id and w.wave_id = running.wave_id and w.state = 'RUNNING'
          for share;
      continue when not found;
      select array_agg(due.item_key) into found_keys
        from (select i.item_key
                from wave_item i
               where i.tenant_id = running.tenant_id
                 and i.wave_id = running.wave_id
                 and i.status = 'PENDING'
                 and i.claimable_at <= now()
                 and (i.lost_attempts >= 2) = is_alone
               order by i.claimable_at, i.position
               limit case when is_alone then 1 else room - cardinality(keys) end
                 for update skip locked) as due;
      if found_keys is not null then
        tenants := tenants || array_fill(running.tenant_id, array[cardinality(found_keys)]);
        waves := waves || array_fill(running.wave_id, array[cardinality(found_keys)]);
        keys := keys || found_keys;
      end if;
    end loop;
    exit when cardinality(keys) > 0;
  end loop;
  return query
    update wave_item i
       set status = 'RUNNING',
           attempt = i.attempt + 1,
           lease_owner = owner,
           claimable_at = now() + lease_ms * interval '1 millisecond',
           started_at = started
      from unnest(tenants, waves, keys) as taken (tenant_id, wave_id, item_key)
     where i.tenant_id = taken.tenant_id
       and i.wave_id = taken.wave_id
       and i.item_key = taken.item_key
    returning i.tenant_id, i.wave_id, i.item_key, owner, i.attempt, i.lost_attempts;
end
$$;

-- Cancelled waves of which something is left to do: items that nobody started are to be cancelled.
create function list_cancelled_waves(most integer) returns table (tenant_id text, wave_id text)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp
as $$
  select w.tenant_id, w.wave_id
    from wave w
   where w.state = 'CANCELLED'
     and w.settled_at is null
   limit least(most, 1000)
$$;

-- Purging, as in 0012: a wave goes when it is over for as long as runs are stored, after its runs.
create function is_expired_wave(of_tenant text, id text) returns boolean
  language sql stable
as $$
  select exists (
    select from wave w
     where w.tenant_id = $1
       and w.wave_id = $2
       and w.settled_at < purge_cutoff('RUN'))
$$;

create policy purger_sees on wave           to ballast_purger using (true) with check (settled_at is not null);
create policy purger_sees on wave_portfolio to ballast_purger using (true) with check (false);
create policy purger_sees on wave_item      to ballast_purger using (true) with check (false);
create policy purger_sees on wave_event     to ballast_purger using (true) with check (false);
create policy purger_sees on wave_total     to ballast_purger using (true) with check (false);
create policy purger_marks_expired on wave as restrictive for update to ballast_purger
  using (settled_at < purge_cutoff('RUN'));
create policy purger_deletes_expired on wave as restrictive for delete to ballast_purger
  using (settled_at < purge_cutoff('RUN'));
create policy purger_deletes_expired on wave_item as restrictive for delete to ballast_purger
  using (is_expired_wave(tenant_id, wave_id));
create policy purger_deletes_expired on wave_event as restrictive for delete to ballast_purger
  using (is_expired_wave(tenant_id, wave_id));
create policy purger_deletes_expired on wave_total as restrictive for delete to ballast_purger
  using (is_expired_wave(tenant_id, wave_id));
-- A portfolio that is an item's is held by its foreign key; what is no item's has had a day to become one.
create policy purger_deletes_expired on wave_portfolio as restrictive for delete to ballast_purger
  using (sent_at < now() - interval '1 day');
drop policy purger_deletes_expired on idempotency_record;
create policy purger_deletes_expired on idempotency_record as restrictive for delete to ballast_purger
  using (
    expires_at < now()
    or is_expired_run(tenant_id, rebalance_run_id)
    or is_expired_wave(tenant_id, wave_id)
    or (scope in ('rebalance.analyze', 'proposals.simulate') and created_at < purge_cutoff('RUN'))
    or (scope = 'rebalance.analyze.async' and created_at < purge_cutoff('RUN')
        and not is_analysis_stored(tenant_id, idempotency_key)));

grant delete on wave, wave_portfolio, wave_item, wave_event, wave_total to ballast_purger;
grant select (tenant_id, wave_id, state, settled_at, is_expired), update (is_expired) on wave to ballast_purger;
grant select (tenant_id, upload_id, line_no, sent_at) on wave_portfolio to ballast_purger;
grant select (tenant_id, wave_id, item_key, upload_id, line_no) on wave_item to ballast_purger;
grant select (tenant_id, wave_id) on wave_event, wave_total to ballast_purger;
grant select (wave_id) on idempotency_record to ballast_purger;

-- Wave by wave, at most so many items and waves in a call. From its first item on, nobody reads a wave any more.
create function purge_waves(batch_size integer) returns integer
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
  most integer := least(batch_size, 1000);
  gone integer := 0;
  old_tenant text;
  old_wave   text;
  uploads    text[];
  lines      integer[];
begin
  if not begin_purge() then
    return null;
  end if;
  while gone < most loop
    select w.tenant_id, w.wave_id into old_tenant, old_wave
      from wave w
     where w.settled_at < purge_cutoff('RUN')
     order by w.settled_at
     limit 1;
    exit when not found;
    update wave w set is_expired = true where w.tenant_id = old_tenant and w.wave_id = old_wave and not w.is_expired;
    with old as materialized (
      select f.item_key
        from wave_item f
       where f.tenant_id = old_tenant and f.wave_id = old_wave
       order by f.item_key
       limit most - gone),
    deleted as (
      delete from wave_item i
       using old
       where i.tenant_id = old_tenant and i.wave_id = old_wave and i.item_key = old.item_key
      returning i.upload_id, i.line_no)
    select array_agg(deleted.upload_id), array_agg(deleted.line_no) into uploads, lines from deleted;
    delete from wave_portfolio p using unnest(uploads, lines) as old (upload_id, line_no)
     where p.tenant_id = old_tenant and p.upload_id = old.upload_id and p.line_no = old.line_no;
    gone := gone + coalesce(cardinality(lines), 0);
    exit when gone = most;
    delete from idempotency_record i where i.tenant_id = old_tenant and i.wave_id = old_wave;
    delete from wave_total t where t.tenant_id = old_tenant and t.wave_id = old_wave;
    -- The wave and its newest event refer to each other: judged at COMMIT, when both are gone.
    delete from wave_event e where e.tenant_id = old_tenant and e.wave_id = old_wave;
    delete from wave w where w.tenant_id = old_tenant and w.wave_id = old_wave;
    gone := gone + 1;
  end loop;
  return gone;
end
$$;

-- Portfolios that were sent a day ago and never became items: their request broke off, or was refused. What was sent
-- together goes together.
create function purge_uploads(batch_size integer) returns integer
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
  gone    integer := 0;
  deleted integer;
begin
  if not begin_purge() then
    return null;
  end if;
  while gone < batch_size loop
    delete from wave_portfolio p
     using (select f.tenant_id, f.upload_id
              from wave_portfolio f
             where f.line_no = 1
               and f.sent_at < now() - interval '1 day'
               and not exists (
                 select from wave_item i where i.tenant_id = f.tenant_id and i.upload_id = f.upload_id)
             order by f.sent_at
             limit 1) as old
     where p.tenant_id = old.tenant_id
       and p.upload_id = old.upload_id;
    get diagnostics deleted = row_count;
    exit when deleted = 0;
    gone := gone + deleted;
  end loop;
  return least(gone, batch_size);
end
$$;

revoke execute on function claim_wave_items(text, double precision, integer, timestamptz), list_cancelled_waves(integer),
  is_expired_wave(text, text), purge_waves(integer), purge_uploads(integer) from public;
grant execute on function is_expired_wave(text, text) to ballast_purger;
grant execute on function claim_wave_items(text, double precision, integer, timestamptz), list_cancelled_waves(integer),
  purge_waves(integer), purge_uploads(integer) to ballast_service;

grant create on schema public to ballast_claimer, ballast_purger;
alter function claim_wave_items(text, double precision, integer, timestamptz) owner to ballast_claimer;
alter function list_cancelled_waves(integer)                                  owner to ballast_claimer;
alter function purge_waves(integer)                                           owner to ballast_purger;
alter function purge_uploads(integer)                                         owner to ballast_purger;
revoke create on schema public from ballast_claimer, ballast_purger;

-- A process that does not know waves would call the edges of their runs altered.
update migration.schema_compatibility set least_known = '0019_waves';
