-- The feed: what happened, one row for each thing, written by the transaction that did it. Triggers write them, so that no
-- path can leave one out, nor a process of an earlier version (docs/adr/0023-event-feed.md).

-- Transaction ids order the feed. They go on through restarts and the promotion of a synchronous standby. They start
-- elsewhere where an asynchronous standby is promoted, an older backup is recovered, or a dump is restored on another
-- server. Each such beginning is an epoch, told by the time at which it was found, in microseconds since 1970.
create table outbox_epoch (
  epoch             bigint  not null,
  system_identifier bigint  not null,
  timeline          integer not null,
  constraint outbox_epoch_pkey primary key (epoch)
);
grant select, insert on outbox_epoch to ballast_service;
create trigger outbox_epoch_append_only before update or delete or truncate on outbox_epoch
  for each statement execute function refuse_change();

-- The epoch of this transaction; the first write of a new one records it.
create function current_epoch() returns bigint
  language plpgsql
as $$
declare
  here constant bigint := (select s.system_identifier from pg_control_system() as s);
  -- The first eight digits of the name of the file of the write-ahead log
  now_on constant integer := ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer;
  latest outbox_epoch;
begin
  select e.* into latest from outbox_epoch e order by e.epoch desc limit 1;
  if latest.system_identifier = here and latest.timeline = now_on then
    return latest.epoch;
  end if;
  -- One writer records it; the others wait until it has ended and look again, for which they must see what it wrote.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'the epoch of transaction ids has changed' using errcode = 'serialization_failure';
  end if;
  perform pg_advisory_xact_lock(4627121);
  select e.* into latest from outbox_epoch e order by e.epoch desc limit 1;
  if latest.system_identifier = here and latest.timeline = now_on then
    return latest.epoch;
  end if;
  insert into outbox_epoch as e (epoch, system_identifier, timeline)
  values (greatest((extract(epoch from clock_timestamp()) * 1000000)::bigint, latest.epoch + 1), here, now_on)
  returning e.* into latest;
  return latest.epoch;
end
$$;

-- The first epoch, so that no write has to wait for another that finds it.
insert into outbox_epoch (epoch, system_identifier, timeline)
select (extract(epoch from clock_timestamp()) * 1000000)::bigint, s.system_identifier,
       ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
  from pg_control_system() as s;

create table outbox_event (
  tenant_id   text        not null check (tenant_id <> ''),
  -- The place in the feed. The transaction is the whole one, also where a savepoint wrote.
  epoch       bigint      not null,
  xid         xid8        not null default pg_current_xact_id(),
  sequence    bigint      not null generated always as identity,
  event_id    uuid        not null default gen_random_uuid(),
  type        text        not null check (type ~ '^ballast\.[a-z_]+\.[a-z_]+$'),
  -- The id of what it happened to
  subject     text        not null check (subject <> ''),
  occurred_at timestamptz not null default clock_timestamp(),
  -- Canonical JSON: ids, states, versions, hashes and names of actors. No document, nothing about a client.
  data_text   text        not null,
  -- Of the request that wrote it, where there was one
  traceparent text        default nullif(current_setting('app.traceparent', true), ''),
  -- GET /events from any place on; the newest place of a tenant; the purge
  constraint outbox_event_pkey primary key (tenant_id, epoch, xid, sequence)
);
-- Rows come at one end and go at the other: what is gone is cleared away before readers have to walk over much of it.
alter table outbox_event set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);

-- Up to which place a tenant's events were purged: a cursor of before has missed some.
create table outbox_purge (
  tenant_id text   not null check (tenant_id <> ''),
  epoch     bigint not null,
  xid       xid8   not null,
  sequence  bigint not null,
  constraint outbox_purge_pkey primary key (tenant_id)
);

-- What comes before this place has ended: it is there or it never will be. A transaction that may still commit has an id
-- of xmin or above, whatever it wrote before others did. Rows of another server's epoch are all there.
create function outbox_horizon() returns table (epoch bigint, xid xid8)
  language sql stable
as $$
  select e.epoch,
         case when e.system_identifier = (select s.system_identifier from pg_control_system() as s)
              then pg_snapshot_xmin(pg_current_snapshot())
              else '18446744073709551615'::xid8
         end
    from outbox_epoch e
   order by e.epoch desc
   limit 1
$$;

-- The newest place that is shown to each of these tenants: what those wait for who have read everything.
create function newest_events(tenant_ids text[])
  returns table (tenant_id text, epoch bigint, xid xid8, sequence bigint)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp
as $$
  select newest.tenant_id, newest.epoch, newest.xid, newest.sequence
    from outbox_horizon() as horizon
   cross join unnest(tenant_ids) as wanted (tenant_id)
   cross join lateral (
     select e.tenant_id, e.epoch, e.xid, e.sequence
       from outbox_event e
      where e.tenant_id = wanted.tenant_id
        and (e.epoch, e.xid) < (horizon.epoch, horizon.xid)
      order by e.epoch desc, e.xid desc, e.sequence desc
      limit 1) as newest
$$;

-- The kinds of events. Another one is a trigger like these, and its data in src/features/events/schemas.ts. The names in
-- data stand in alphabetical order, as in all canonical JSON.

create function announce_runs() returns trigger language plpgsql as $$
declare of_epoch constant bigint := current_epoch();
begin
  insert into outbox_event (tenant_id, epoch, type, subject, data_text)
  select r.tenant_id, of_epoch, 'ballast.run.created', r.rebalance_run_id, row_to_json(data)::text
    from came r
   cross join lateral (
     select r.authenticated_subject, r.batch_run_id, r.correlation_id, r.engine_version, r.input_hash,
            r.policy_pack_id, r.policy_pack_version, r.portfolio_id, r.rebalance_run_id, r.request_hash,
            r.result_hash, r.status) as data;
  return null;
end
$$;
create trigger rebalance_run_announced after insert on rebalance_run
  referencing new table as came for each statement execute function announce_runs();

create function announce_decisions() returns trigger language plpgsql as $$
declare of_epoch constant bigint := current_epoch();
begin
  insert into outbox_event (tenant_id, epoch, type, subject, data_text)
  select d.tenant_id, of_epoch, 'ballast.run.reviewed', d.rebalance_run_id, row_to_json(data)::text
    from came d
   cross join lateral (
     select d.action, d.actor_id, d.authenticated_subject, d.correlation_id, d.decision_hash, d.decision_id,
            d.decision_no, d.from_status, d.reason_code, d.rebalance_run_id, d.to_status) as data;
  return null;
end
$$;
create trigger run_decision_announced after insert on run_decision
  referencing new table as came for each statement execute function announce_decisions();

-- A proposal's history has one event for each change, and so has the feed.
create function announce_proposal_events() returns trigger language plpgsql as $$
declare of_epoch constant bigint := current_epoch();
begin
  insert into outbox_event (tenant_id, epoch, type, subject, data_text)
  select p.tenant_id, of_epoch,
         case p.event_type
           when 'CREATED' then 'ballast.proposal.created'
           when 'NEW_VERSION_CREATED' then 'ballast.proposal.version_created'
           when 'RISK_APPROVED' then 'ballast.proposal.approved'
           when 'COMPLIANCE_APPROVED' then 'ballast.proposal.approved'
           when 'CLIENT_CONSENT_RECORDED' then 'ballast.proposal.approved'
           else 'ballast.proposal.transitioned'
         end,
         p.proposal_id, row_to_json(data)::text
    from came p
   cross join lateral (
     select p.actor_id, p.approval_hash, p.approval_id, p.authenticated_subject, p.correlation_id, p.event_hash,
            p.event_id, p.event_no, p.event_type, p.from_state, p.proposal_id, p.to_state, p.version_hash,
            p.related_version_no as version_no) as data
   order by p.event_no;
  return null;
end
$$;
create trigger proposal_event_announced after insert on proposal_event
  referencing new table as came for each statement execute function announce_proposal_events();

create function announce_policy_packs() returns trigger language plpgsql as $$
declare of_epoch constant bigint := current_epoch();
begin
  insert into outbox_event (tenant_id, epoch, type, subject, data_text)
  select v.tenant_id, of_epoch, 'ballast.policy_pack.changed', v.policy_pack_id, row_to_json(data)::text
    from came v
   cross join lateral (
     select v.authenticated_subject, v.correlation_id, v.definition_hash, v.policy_pack_id, v.revision, v.version) as data
   order by v.revision;
  return null;
end
$$;
create trigger policy_pack_version_announced after insert on policy_pack_version
  referencing new table as came for each statement execute function announce_policy_packs();

-- For each row, as most changes of an operation, such as a renewed lease, are no end of it. One that is retried ends again.
create function announce_operation_end() returns trigger language plpgsql as $$
begin
  insert into outbox_event (tenant_id, epoch, type, subject, data_text)
  select new.tenant_id, current_epoch(), 'ballast.operation.finished', new.operation_id, row_to_json(data)::text
    from (select new.attempt, new.authenticated_subject, new.correlation_id, new.created_by, new.error_code,
                 new.operation_id, new.operation_type, new.proposal_id, new.status) as data;
  return null;
end
$$;
create trigger async_operation_announced after update on async_operation
  for each row when (new.finished_at is not null and old.finished_at is null) execute function announce_operation_end();

alter table outbox_event enable row level security, force row level security;
alter table outbox_purge enable row level security, force row level security;
create policy tenant_isolation on outbox_event using (tenant_id = current_tenant());
create policy tenant_isolation on outbox_purge using (tenant_id = current_tenant());
create policy claimer_sees on outbox_event for select to ballast_claimer using (true);
grant select on outbox_event, outbox_purge to ballast_service;
-- The place, the time and the id of an event nobody chooses.
grant insert (tenant_id, epoch, type, subject, data_text) on outbox_event to ballast_service;
grant select (tenant_id, epoch, xid, sequence) on outbox_event to ballast_claimer;
grant select on outbox_epoch to ballast_claimer, ballast_purger;

create trigger outbox_event_append_only before update or delete or truncate on outbox_event
  for each statement execute function refuse_change();

-- The retention, in the manner of migration 0012: kind EVENT, a day at least.
alter table retention_setting drop constraint retention_setting_kind_check, drop constraint retention_setting_bounds;
alter table retention_setting
  add constraint retention_setting_kind_check check (kind in ('RUN', 'OPERATION', 'EVENT')),
  add constraint retention_setting_bounds check (
    retention_seconds between case kind when 'OPERATION' then 1 else 86400 end and 31557600000);

create policy purger_sees on outbox_event to ballast_purger using (true) with check (false);
create policy purger_deletes_expired on outbox_event as restrictive for delete to ballast_purger
  using (occurred_at < purge_cutoff('EVENT'));
create policy purger_marks on outbox_purge to ballast_purger using (true) with check (true);
grant delete, select (tenant_id, epoch, xid, sequence, occurred_at) on outbox_event to ballast_purger;
grant select, insert, update on outbox_purge to ballast_purger;

-- Of each tenant the oldest in the order of the feed, up to the first that is not expired or not shown yet. So what is
-- gone is what comes before a place, and the place tells of each cursor whether it missed something.
create function purge_events(batch_size integer) returns integer
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
  cutoff timestamptz;
  horizon record;
  of_tenant text;
  purged integer := 0;
  gone integer;
begin
  if not begin_purge() then
    return null;
  end if;
  cutoff := purge_cutoff('EVENT');
  select h.epoch, h.xid into horizon from outbox_horizon() as h;
  for of_tenant in
    -- From tenant to tenant along the primary key
    with recursive oldest as (
      (select e.tenant_id, e.occurred_at
         from outbox_event e
        order by e.tenant_id, e.epoch, e.xid, e.sequence
        limit 1)
      union all
      select later.*
        from oldest o
       cross join lateral (
         select e.tenant_id, e.occurred_at
           from outbox_event e
          where e.tenant_id > o.tenant_id
          order by e.tenant_id, e.epoch, e.xid, e.sequence
          limit 1) as later)
    select o.tenant_id from oldest o where o.occurred_at < cutoff
  loop
    with oldest as (
      select e.epoch, e.xid, e.sequence, e.occurred_at
        from outbox_event e
       where e.tenant_id = of_tenant
         and (e.epoch, e.xid) < (horizon.epoch, horizon.xid)
       order by e.epoch, e.xid, e.sequence
       limit least(batch_size, 1000) - purged),
    expired as (
      select judged.epoch, judged.xid, judged.sequence
        from (select o.epoch, o.xid, o.sequence,
                     bool_and(o.occurred_at < cutoff) over (order by o.epoch, o.xid, o.sequence) as is_expired
                from oldest o) as judged
       where judged.is_expired),
    deleted as (
      delete from outbox_event e using expired x
       where e.tenant_id = of_tenant and e.epoch = x.epoch and e.xid = x.xid and e.sequence = x.sequence
      returning e.epoch, e.xid, e.sequence),
    marked as (
      insert into outbox_purge as p (tenant_id, epoch, xid, sequence)
      select of_tenant, d.epoch, d.xid, d.sequence
        from deleted d
       order by d.epoch desc, d.xid desc, d.sequence desc
       limit 1
          on conflict on constraint outbox_purge_pkey do update
         set epoch = excluded.epoch, xid = excluded.xid, sequence = excluded.sequence)
    select count(*) into gone from deleted;
    purged := purged + gone;
    exit when purged >= least(batch_size, 1000);
  end loop;
  return purged;
end
$$;

revoke execute on function current_epoch(), outbox_horizon(), newest_events(text[]), purge_events(integer) from public;
grant execute on function current_epoch() to ballast_service;
grant execute on function outbox_horizon() to ballast_service, ballast_claimer, ballast_purger;
grant execute on function newest_events(text[]), purge_events(integer) to ballast_service;

grant create on schema public to ballast_claimer, ballast_purger;
alter function newest_events(text[]) owner to ballast_claimer;
alter function purge_events(integer) owner to ballast_purger;
revoke create on schema public from ballast_claimer, ballast_purger;
