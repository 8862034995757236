-- Purging is done by functions of the database. They delete only what is past the retention that is recorded here, by
-- the database's own clock, in bounded batches. Nobody who logs in can take the role that they run as.
-- ballast_retention, which earlier versions of the service took to delete, has no right in this database any more; it
-- stays in the cluster, where other databases may need it (docs/adr/0013-database-time-and-purge-functions.md).

-- Objects of the service are found in public: only the owner of the schema may add any.
revoke create on schema public from public;

-- How long things are stored, as each process was configured that works on this database. A process says it again with
-- every purge. Of those heard within a day the longest rules; nothing is purged where nobody has said anything.
create table retention_setting (
  kind              text        not null check (kind in ('RUN', 'OPERATION')),
  -- The process: host, process id, and an id of its start
  set_by            text        not null check (set_by <> ''),
  -- Null: for ever
  retention_seconds bigint,
  set_at            timestamptz not null,
  seen_at           timestamptz not null,
  constraint retention_setting_pkey primary key (kind, set_by),
  -- A day of runs is safe from anybody; a thousand years are as good as for ever
  constraint retention_setting_bounds check (
    retention_seconds between case kind when 'RUN' then 86400 else 1 end and 31557600000)
);
grant select, insert, update, delete on retention_setting to ballast_purger;
grant select on retention_setting to ballast_service;

-- The setting that rules; no row where nobody has said anything.
create function ruling_retention(kind text)
  returns table (retention_seconds bigint, set_by text, set_at timestamptz)
  language sql stable
as $$
  select s.retention_seconds, s.set_by, s.set_at
    from retention_setting s
   where s.kind = $1
     and s.seen_at > now() - interval '1 day'
   order by s.retention_seconds desc nulls first, s.set_at
   limit 1
$$;

-- What was made before this moment may go; null: nothing.
create function purge_cutoff(kind text) returns timestamptz
  language sql stable
as $$
  select now() - ruling.retention_seconds * interval '1 second' from ruling_retention($1) as ruling
$$;

create function is_expired_run(of_tenant text, run_id text) returns boolean
  language sql stable
as $$
  select exists (
    select from rebalance_run r
     where r.tenant_id = $1
       and r.rebalance_run_id = $2
       and r.created_at < purge_cutoff('RUN'))
$$;

-- An operation that is not finished, or not for long enough, needs its lineage.
create function is_operation_stored(of_tenant text, id text) returns boolean
  language sql stable
as $$
  select exists (
    select from async_operation o
     where o.tenant_id = $1
       and o.operation_id = $2
       and (o.finished_at < purge_cutoff('OPERATION')) is not true)
$$;

-- The key of an analysis is needed as long as its operation is there: used again, it would start a second one.
create function is_analysis_stored(of_tenant text, key text) returns boolean
  language sql stable
as $$
  select exists (
    select from async_operation o
     where o.tenant_id = $1
       and o.idempotency_key = $2
       and o.operation_type = 'ANALYZE_SCENARIOS')
$$;
create index async_operation_of_key on async_operation (tenant_id, idempotency_key)
  where operation_type = 'ANALYZE_SCENARIOS' and idempotency_key is not null;

-- The role of the functions finds across tenants what it may read, and the database itself checks the age of each row
-- that it deletes: whatever a statement asks for, what is younger is out of its reach.
drop policy retention_purges on async_operation;
drop policy retention_purges on rebalance_run;
drop policy retention_purges on run_payload;
drop policy retention_purges on run_decision;
drop policy retention_purges on idempotency_record;
drop policy retention_purges on idempotency_history;
drop policy retention_purges on lineage_edge;

create policy purger_sees on async_operation     to ballast_purger using (true) with check (false);
create policy purger_sees on rebalance_run       to ballast_purger using (true) with check (false);
create policy purger_sees on run_payload         to ballast_purger using (true) with check (false);
create policy purger_sees on run_decision        to ballast_purger using (true) with check (false);
create policy purger_sees on idempotency_record  to ballast_purger using (true) with check (false);
create policy purger_sees on idempotency_history to ballast_purger using (true) with check (false);
create policy purger_sees on lineage_edge        to ballast_purger using (true) with check (false);

create policy purger_deletes_expired on async_operation as restrictive for delete to ballast_purger
  using (finished_at < purge_cutoff('OPERATION'));
create policy purger_deletes_expired on rebalance_run as restrictive for delete to ballast_purger
  using (created_at < purge_cutoff('RUN'));
create policy purger_deletes_expired on run_payload as restrictive for delete to ballast_purger
  using (is_expired_run(tenant_id, rebalance_run_id));
create policy purger_deletes_expired on run_decision as restrictive for delete to ballast_purger
  using (is_expired_run(tenant_id, rebalance_run_id));
create policy purger_deletes_expired on idempotency_history as restrictive for delete to ballast_purger
  using (is_expired_run(tenant_id, rebalance_run_id));
create policy purger_deletes_expired on lineage_edge as restrictive for delete to ballast_purger
  using (case edge_type
           when 'OPERATION_TO_CORRELATION' then not is_operation_stored(tenant_id, source_entity_id)
           else is_expired_run(tenant_id, target_entity_id)
         end);
create policy purger_deletes_expired on idempotency_record as restrictive for delete to ballast_purger
  using (
    expires_at < now()
    or is_expired_run(tenant_id, rebalance_run_id)
    or (scope in ('rebalance.analyze', 'proposals.simulate') and created_at < purge_cutoff('RUN'))
    or (scope = 'rebalance.analyze.async' and created_at < purge_cutoff('RUN')
        and not is_analysis_stored(tenant_id, idempotency_key)));

grant delete on async_operation, rebalance_run, run_payload, run_decision, idempotency_record, idempotency_history,
  lineage_edge to ballast_purger;
grant select (tenant_id, operation_id, operation_type, idempotency_key, finished_at) on async_operation to ballast_purger;
grant select (tenant_id, rebalance_run_id, created_at) on rebalance_run to ballast_purger;
grant select (tenant_id, rebalance_run_id) on run_payload, run_decision, idempotency_history to ballast_purger;
grant select (tenant_id, scope, idempotency_key, rebalance_run_id, created_at, expires_at) on idempotency_record
  to ballast_purger;
grant select (tenant_id, source_entity_id, edge_type, target_entity_id) on lineage_edge to ballast_purger;

drop policy retention_counts on supportability_change;
drop policy retention_folds  on supportability_count;
create policy purger_counts   on supportability_change to ballast_purger using (true) with check (true);
create policy purger_rolls_up on supportability_count  to ballast_purger using (true) with check (true);
grant select, insert, delete on supportability_change to ballast_purger;
grant select, insert, update on supportability_count  to ballast_purger;

create or replace function refuse_change() returns trigger
  language plpgsql
as $$
begin
  if tg_op = 'DELETE' and current_user = 'ballast_purger' then
    return null;
  end if;
  raise exception '% is append-only: % refused', tg_table_name, lower(tg_op)
    using errcode = 'insufficient_privilege';
end
$$;

revoke all on async_operation, rebalance_run, run_payload, run_decision, idempotency_record, idempotency_history,
  lineage_edge, supportability_change, supportability_count from ballast_retention;

-- What the service may call. Each purge returns how many things are gone, null where another process is at it; fewer
-- than asked for means that none is left.

-- Says how long this process stores things, and returns what rules. No process shortens what is recorded, not even its
-- own: a shorter retention rules a day after the longer was last heard of.
create function announce_retention(of_kind text, by_process text, seconds bigint)
  returns table (retention_seconds bigint, set_by text, set_at timestamptz)
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
begin
  delete from retention_setting s where s.kind = of_kind and s.seen_at < now() - interval '1 day';
  insert into retention_setting as s (kind, set_by, retention_seconds, set_at, seen_at)
  values (of_kind, by_process, seconds, now(), now())
      on conflict on constraint retention_setting_pkey do update
     set seen_at = now(),
         retention_seconds = case
           when s.retention_seconds is null or excluded.retention_seconds is null then null
           else greatest(s.retention_seconds, excluded.retention_seconds)
         end;
  return query select ruling.* from ruling_retention(of_kind) as ruling;
end
$$;

-- One purge at a time, and what rules stays as it is until its transaction ends: no run goes by half.
create function begin_purge() returns boolean
  language plpgsql
as $$
begin
  if not pg_try_advisory_xact_lock(4627119) then
    return false;
  end if;
  lock table retention_setting in share mode;
  return true;
end
$$;

-- Runs with all that belongs to them: what points to something before what it points to, the run itself last. Their keys
-- can be used again. A table that refers to runs gets its line here.
create function purge_runs(batch_size integer) returns integer
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
  cutoff timestamptz;
  tenant_ids text[];
  run_ids    text[];
begin
  if not begin_purge() then
    return null;
  end if;
  cutoff := purge_cutoff('RUN');
  -- From tenant to tenant along the primary key, and in each along the index of the run list: this needs no index of
  -- its own on the table that is written most.
  with recursive tenant as (
    (select r.tenant_id from rebalance_run r order by r.tenant_id limit 1)
    union all
    select (select r.tenant_id from rebalance_run r where r.tenant_id > t.tenant_id order by r.tenant_id limit 1)
      from tenant t
     where t.tenant_id is not null),
  old as (
    select found.tenant_id, found.rebalance_run_id
      from tenant t
     cross join lateral (
       select r.tenant_id, r.rebalance_run_id
         from rebalance_run r
        where r.tenant_id = t.tenant_id
          and r.created_at < cutoff
        order by r.created_at, r.rebalance_run_id
        limit least(batch_size, 1000)) as found
     limit least(batch_size, 1000))
  select array_agg(old.tenant_id), array_agg(old.rebalance_run_id) into tenant_ids, run_ids from old;
  if run_ids is null then
    return 0;
  end if;
  delete from lineage_edge e using unnest(tenant_ids, run_ids) as old (tenant_id, run_id)
   where e.tenant_id = old.tenant_id and e.target_entity_id = old.run_id
     and e.edge_type <> 'OPERATION_TO_CORRELATION';
  delete from idempotency_history h using unnest(tenant_ids, run_ids) as old (tenant_id, run_id)
   where h.tenant_id = old.tenant_id and h.rebalance_run_id = old.run_id;
  delete from idempotency_record i using unnest(tenant_ids, run_ids) as old (tenant_id, run_id)
   where i.tenant_id = old.tenant_id and i.rebalance_run_id = old.run_id;
  delete from run_decision d using unnest(tenant_ids, run_ids) as old (tenant_id, run_id)
   where d.tenant_id = old.tenant_id and d.rebalance_run_id = old.run_id;
  delete from run_payload p using unnest(tenant_ids, run_ids) as old (tenant_id, run_id)
   where p.tenant_id = old.tenant_id and p.rebalance_run_id = old.run_id;
  delete from rebalance_run r using unnest(tenant_ids, run_ids) as old (tenant_id, run_id)
   where r.tenant_id = old.tenant_id and r.rebalance_run_id = old.run_id;
  return cardinality(run_ids);
end
$$;

-- The keys that point to no run, because they made several or none: those of analyses and of simulated proposals. They
-- are stored as long as runs are. That of an asynchronous analysis stays while its operation does.
create function purge_keys(scopes text[], batch_size integer) returns integer
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
  cutoff timestamptz;
  purged integer;
begin
  if not begin_purge() then
    return null;
  end if;
  cutoff := purge_cutoff('RUN');
  delete from idempotency_record
   where (tenant_id, scope, idempotency_key) in (
     select i.tenant_id, i.scope, i.idempotency_key
       from idempotency_record i
      where i.scope in ('rebalance.analyze', 'rebalance.analyze.async', 'proposals.simulate')
        and i.scope = any(scopes)
        and i.created_at < cutoff
        and not (i.scope = 'rebalance.analyze.async' and is_analysis_stored(i.tenant_id, i.idempotency_key))
      order by i.created_at
      limit least(batch_size, 1000));
  get diagnostics purged = row_count;
  return purged;
end
$$;
drop index idempotency_record_of_analyses;
create index idempotency_record_without_run on idempotency_record (created_at)
  where scope in ('rebalance.analyze', 'rebalance.analyze.async', 'proposals.simulate');

-- Finished operations with their lineage. What they made stays.
create function purge_operations(batch_size integer) returns integer
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
  cutoff timestamptz;
  tenant_ids    text[];
  operation_ids text[];
begin
  if not begin_purge() then
    return null;
  end if;
  cutoff := purge_cutoff('OPERATION');
  with gone as (
    delete from async_operation o
     using (select f.tenant_id, f.operation_id
              from async_operation f
             where f.finished_at < cutoff
             order by f.finished_at
             limit least(batch_size, 1000)) as old
     where o.tenant_id = old.tenant_id
       and o.operation_id = old.operation_id
       and o.finished_at < cutoff
    returning o.tenant_id, o.operation_id)
  select array_agg(gone.tenant_id), array_agg(gone.operation_id) into tenant_ids, operation_ids from gone;
  if operation_ids is null then
    return 0;
  end if;
  delete from lineage_edge e using unnest(tenant_ids, operation_ids) as old (tenant_id, operation_id)
   where e.tenant_id = old.tenant_id and e.source_entity_id = old.operation_id
     and e.edge_type = 'OPERATION_TO_CORRELATION';
  return cardinality(operation_ids);
end
$$;

-- Stored refusals whose time is over.
create function purge_refusals(batch_size integer) returns integer
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
  purged integer;
begin
  if not begin_purge() then
    return null;
  end if;
  delete from idempotency_record
   where (tenant_id, scope, idempotency_key) in (
     select i.tenant_id, i.scope, i.idempotency_key
       from idempotency_record i
      where i.expires_at < now()
      order by i.expires_at
      limit least(batch_size, 1000));
  get diagnostics purged = row_count;
  return purged;
end
$$;

-- Adds changes, of whichever tenants, to the counts of the summary and deletes them. One at a time: two would meet on the
-- counts.
create function roll_up_counts(batch_size integer) returns integer
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
  rolled_up integer;
begin
  if not pg_try_advisory_xact_lock(4627120) then
    return null;
  end if;
  with taken as (
    delete from supportability_change
     where (tenant_id, change_no) in (
       select c.tenant_id, c.change_no
         from supportability_change c
        order by c.tenant_id, c.change_no
        limit least(batch_size, 10000))
    returning tenant_id, subject, label, change),
  added as (
    insert into supportability_count as c (tenant_id, subject, label, count)
    select tenant_id, subject, label, sum(change)
      from taken
     group by tenant_id, subject, label
        on conflict on constraint supportability_count_pkey do update
       set count = c.count + excluded.count)
  select count(*) into rolled_up from taken;
  return rolled_up;
end
$$;

revoke execute on function ruling_retention(text), purge_cutoff(text), is_expired_run(text, text),
  is_operation_stored(text, text), is_analysis_stored(text, text), begin_purge(), announce_retention(text, text, bigint),
  purge_runs(integer), purge_keys(text[], integer), purge_operations(integer), purge_refusals(integer),
  roll_up_counts(integer) from public;
grant execute on function ruling_retention(text), purge_cutoff(text), is_expired_run(text, text),
  is_operation_stored(text, text), is_analysis_stored(text, text), begin_purge() to ballast_purger;
grant execute on function announce_retention(text, text, bigint), purge_runs(integer), purge_keys(text[], integer),
  purge_operations(integer), purge_refusals(integer), roll_up_counts(integer) to ballast_service;

-- Who owns a function must be able to create one, for this moment alone.
grant create on schema public to ballast_purger;
alter function announce_retention(text, text, bigint) owner to ballast_purger;
alter function purge_runs(integer)                    owner to ballast_purger;
alter function purge_keys(text[], integer)            owner to ballast_purger;
alter function purge_operations(integer)              owner to ballast_purger;
alter function purge_refusals(integer)                owner to ballast_purger;
alter function roll_up_counts(integer)                owner to ballast_purger;
revoke create on schema public from ballast_purger;
