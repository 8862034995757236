-- An accepted operation is not lost to an outage: failures of the infrastructure are counted apart from workers that
-- vanish, a finished attempt leaves a row of its own, and an operation can be retried and cancelled.

-- An outage of a day takes more attempts than a smallint has room for once it is retried some times.
alter table async_operation alter column attempt type integer;
alter table async_operation
  -- Attempts in a row that failed for no fault of the request, and since when by this database's clock; a request to
  -- retry starts them anew
  add column failed_attempts     integer     not null default 0 check (failed_attempts >= 0),
  add column failing_since       timestamptz,
  -- Attempts in a row whose lease ran out before they recorded their end. Counted by the trigger below, by nobody else.
  add column lost_attempts       integer     not null default 0 check (lost_attempts >= 0),
  -- While it runs: its worker cancels it when it next renews its lease, and can write no other end
  add column cancel_requested_at timestamptz;

alter table async_operation drop constraint async_operation_state, drop constraint async_operation_attempt;
alter table async_operation
  add constraint async_operation_state check (
    case status
      when 'PENDING' then lease_owner is null and started_at is null and finished_at is null and result_text is null
        and cancel_requested_at is null
      when 'RUNNING' then lease_owner is not null and claimable_at is not null
        and started_at is not null and finished_at is null and result_text is null
      when 'SUCCEEDED' then lease_owner is not null and claimable_at is null and cancel_requested_at is null
        and started_at is not null and finished_at is not null and result_text is not null and error_code is null
      when 'FAILED' then lease_owner is not null and claimable_at is null and cancel_requested_at is null
        and started_at is not null and finished_at is not null and result_text is null and error_code is not null
      -- Before any attempt, between two, or in the middle of one
      when 'CANCELLED' then claimable_at is null and finished_at is not null and result_text is null
        and (lease_owner is null) = (started_at is null)
      else false
    end),
  add constraint async_operation_attempt
    check (attempt >= case when status in ('PENDING', 'CANCELLED') then 0 else 1 end);

create or replace function guard_operation_transition() returns trigger
  language plpgsql
as $$
declare
  is_same_attempt boolean := new.attempt = old.attempt and new.lease_owner is not distinct from old.lease_owner;
  is_next_attempt boolean := new.attempt = old.attempt + 1;
  -- What is to be cancelled comes to no other end, and the request is not taken back.
  is_cancelling boolean := old.cancel_requested_at is not null;
  is_legal boolean := case old.status || ' ' || new.status
    when 'PENDING PENDING' then is_same_attempt
    when 'PENDING RUNNING' then is_next_attempt
    when 'PENDING CANCELLED' then is_same_attempt
    -- Its holder renews the lease; another takes over only once it has run out
    when 'RUNNING RUNNING' then (is_same_attempt or (is_next_attempt and old.claimable_at <= now()))
      and (not is_cancelling or new.cancel_requested_at is not distinct from old.cancel_requested_at)
    -- Another attempt later, or given back as if it had not been taken
    when 'RUNNING PENDING' then new.attempt in (old.attempt, old.attempt - 1) and not is_cancelling
    when 'RUNNING SUCCEEDED' then is_same_attempt and not is_cancelling
    when 'RUNNING FAILED' then is_same_attempt and not is_cancelling
    when 'RUNNING CANCELLED' then is_same_attempt
    -- Retried: what the attempts before came to stands in operation_attempt
    when 'FAILED PENDING' then new.attempt = old.attempt
    else false
  end;
begin
  if not is_legal then
    raise exception 'operation % may not go from % (attempt %) to % (attempt %)',
      old.operation_id, old.status, old.attempt, new.status, new.attempt
      using errcode = 'check_violation', constraint = 'async_operation_transition', table = 'async_operation';
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

-- How each attempt ended, whoever wrote it. Rows are written by the trigger below in the transaction of the end.
create table operation_attempt (
  tenant_id     text        not null check (tenant_id <> ''),
  operation_id  text        not null,
  attempt       integer     not null check (attempt >= 1),
  -- PUT_BACK: it failed, and another followed later. WORKER_LOST: its lease ran out, another took over.
  ended_as      text        not null check (ended_as in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'PUT_BACK', 'WORKER_LOST')),
  lease_owner   text        not null,
  error_code    text,
  error_message text,
  started_at    timestamptz not null,
  ended_at      timestamptz not null,
  constraint operation_attempt_pkey primary key (tenant_id, operation_id, attempt),
  constraint operation_attempt_operation_fkey foreign key (tenant_id, operation_id)
    references async_operation on delete cascade,
  constraint operation_attempt_error check (
    (error_code is null) = (error_message is null)
    and (error_code is not null) = (ended_as in ('FAILED', 'PUT_BACK')))
);

-- Requests to retry or cancel an operation that took effect: who changed its course, to be found by the correlation id.
create table operation_action (
  tenant_id      text        not null check (tenant_id <> ''),
  operation_id   text        not null,
  action_id      text        not null check (action_id ~ '^oac_[0-9a-f]{32}$'),
  action         text        not null check (action in ('RETRY', 'CANCEL')),
  correlation_id text        not null,
  created_at     timestamptz not null,
  constraint operation_action_pkey primary key (tenant_id, operation_id, action_id),
  constraint operation_action_operation_fkey foreign key (tenant_id, operation_id)
    references async_operation on delete cascade
);

create function record_attempt_end() returns trigger
  language plpgsql
as $$
declare
  ended_as text := case new.status when 'RUNNING' then 'WORKER_LOST' when 'PENDING' then 'PUT_BACK' else new.status end;
  has_error boolean := ended_as in ('FAILED', 'PUT_BACK');
  -- One that vanished ended with its lease at the latest
  ended_at timestamptz := case new.status when 'RUNNING' then old.claimable_at else coalesce(new.finished_at, now()) end;
begin
  insert into operation_attempt
    (tenant_id, operation_id, attempt, ended_as, lease_owner, error_code, error_message, started_at, ended_at)
  values
    (old.tenant_id, old.operation_id, old.attempt, ended_as, old.lease_owner,
     case when has_error then new.error_code end, case when has_error then new.error_message end,
     old.started_at, greatest(ended_at, old.started_at));
  return null;
end
$$;
-- Neither a renewed lease nor an operation that is given back as if it had not been taken is the end of an attempt.
create trigger async_operation_attempt_ended after update on async_operation
  for each row
  when (old.status = 'RUNNING' and (new.attempt > old.attempt or (new.attempt = old.attempt and new.status <> 'RUNNING')))
  execute function record_attempt_end();

-- Append-only. Rows go with their operation, by the cascade, and in no other way.
create function refuse_delete_before_operation() returns trigger
  language plpgsql
as $$
begin
  if exists (select from async_operation
              where tenant_id = old.tenant_id and operation_id = old.operation_id) then
    raise exception '% is append-only: delete refused', tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return old;
end
$$;
create trigger operation_attempt_append_only before update or truncate on operation_attempt
  for each statement execute function refuse_change();
create trigger operation_attempt_goes_with_operation before delete on operation_attempt
  for each row execute function refuse_delete_before_operation();
create trigger operation_action_append_only before update or truncate on operation_action
  for each statement execute function refuse_change();
create trigger operation_action_goes_with_operation before delete on operation_action
  for each row execute function refuse_delete_before_operation();

-- How the last attempt of what is finished already ended. The owner sees no tenant's rows unless row-level security is
-- not forced on it for the moment.
alter table async_operation no force row level security;
insert into operation_attempt
  (tenant_id, operation_id, attempt, ended_as, lease_owner, error_code, error_message, started_at, ended_at)
select tenant_id, operation_id, attempt, status, lease_owner, error_code, error_message, started_at,
       greatest(finished_at, started_at)
  from async_operation
 where finished_at is not null;
alter table async_operation force row level security;

alter table operation_attempt enable row level security, force row level security;
alter table operation_action  enable row level security, force row level security;
create policy tenant_isolation on operation_attempt using (tenant_id = current_tenant());
create policy tenant_isolation on operation_action  using (tenant_id = current_tenant());
-- A worker that takes over, in whatever tenant, leaves behind that its forerunner was lost, and nothing else.
create policy worker_takes_over on operation_attempt for insert to ballast_worker with check (ended_as = 'WORKER_LOST');

grant select, insert on operation_attempt, operation_action to ballast_service;
grant insert on operation_attempt to ballast_worker;
grant update (failed_attempts, failing_since, cancel_requested_at) on async_operation to ballast_service;
