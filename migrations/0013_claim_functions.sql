-- A worker finds and claims operations of every tenant through functions, for which it takes no role.
-- ballast_worker, which earlier versions of the service took for it, has no right in this database any more; it stays in
-- the cluster, where other databases may need it (docs/adr/0013-database-time-and-purge-functions.md).

drop policy worker_sees   on async_operation;
drop policy worker_claims on async_operation;
drop policy worker_counts on supportability_change;
revoke all on async_operation, supportability_change from ballast_worker;

create policy claimer_sees on async_operation for select to ballast_claimer using (true);
create policy claimer_claims on async_operation for update to ballast_claimer
  using (finished_at is null) with check (status = 'RUNNING');
-- Who takes over leaves behind that its forerunner was lost, and nothing else.
drop policy worker_takes_over on operation_attempt;
revoke all on operation_attempt from ballast_worker;
create policy claimer_takes_over on operation_attempt for insert to ballast_claimer with check (ended_as = 'WORKER_LOST');
grant insert on operation_attempt to ballast_claimer;
create policy claimer_counts on supportability_change for insert to ballast_claimer with check (true);
grant select (tenant_id, operation_id, operation_type, status, correlation_id, attempt, claimable_at, created_at,
              finished_at) on async_operation to ballast_claimer;
grant update (status, attempt, lease_owner, claimable_at, started_at) on async_operation to ballast_claimer;
grant insert on supportability_change to ballast_claimer;

-- Takes operations that are due, those whose lease has run out among them, longest due first. What another worker is
-- taking at this moment is passed over.
create function claim_due_operations(owner text, lease_ms double precision, batch_size integer, started timestamptz)
  returns table (tenant_id text, operation_id text, operation_type text, correlation_id text, lease_owner text,
                 attempt integer)
  language sql security definer set search_path = pg_catalog, public, pg_temp
as $$
  with due as (
    select d.tenant_id, d.operation_id
      from async_operation d
     where d.finished_at is null
       and d.claimable_at <= now()
     order by d.claimable_at
     limit least(batch_size, 1000)
       for update skip locked)
  update async_operation o
     set status = 'RUNNING',
         attempt = o.attempt + 1,
         lease_owner = owner,
         claimable_at = now() + lease_ms * interval '1 millisecond',
         started_at = started
    from due
   where o.tenant_id = due.tenant_id
     and o.operation_id = due.operation_id
  returning o.tenant_id, o.operation_id, o.operation_type, o.correlation_id, owner, o.attempt
$$;

-- How many operations there are, of each type and end; the age of those that are finished tells nothing.
create function count_stored_operations()
  returns table (operation_type text, status text, count integer, oldest_created_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp
as $$
  select o.operation_type, o.status, count(*)::integer, min(o.created_at)
    from async_operation o
   where o.finished_at is null
   group by o.operation_type, o.status
   union all
  select o.operation_type, o.status, count(*)::integer, null
    from async_operation o
   where o.finished_at is not null
   group by o.operation_type, o.status
$$;

revoke execute on function claim_due_operations(text, double precision, integer, timestamptz), count_stored_operations()
  from public;
grant execute on function claim_due_operations(text, double precision, integer, timestamptz), count_stored_operations()
  to ballast_service;

grant create on schema public to ballast_claimer;
alter function claim_due_operations(text, double precision, integer, timestamptz) owner to ballast_claimer;
alter function count_stored_operations()                                         owner to ballast_claimer;
revoke create on schema public from ballast_claimer;
