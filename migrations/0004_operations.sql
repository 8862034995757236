-- Asynchronous operations: a request that was accepted, and how far it has come. This row is the truth; NOTIFY only wakes.

create table async_operation (
  tenant_id       text        not null check (tenant_id <> ''),
  operation_id    text        not null,
  operation_type  text        not null,
  status          text        not null,
  correlation_id  text        not null,
  idempotency_key text,
  -- The proposal that gets a version, or that was created
  proposal_id     text,
  created_by      text,
  -- The policy pack that was selected for it, existing or not; what the pack says is read when the runs are made
  policy_pack_id  text,
  request_text    text        not null,
  -- Claims so far, those given back unfinished not counted; with lease_owner it names one attempt for ever
  attempt         smallint    not null,
  lease_owner     text,
  -- When a worker may take it: PENDING, the next attempt (null: it waits to be executed by hand); RUNNING, the lease's end
  claimable_at    timestamptz,
  result_text     text,
  -- While it is not finished: how the last attempt failed
  error_code      text,
  error_message   text,
  created_at      timestamptz not null,
  started_at      timestamptz,
  finished_at     timestamptz,
  constraint async_operation_pkey primary key (tenant_id, operation_id),
  constraint async_operation_proposal_fkey foreign key (tenant_id, proposal_id) references proposal,
  constraint async_operation_kind check (
    case operation_type
      when 'ANALYZE_SCENARIOS' then operation_id ~ '^dop_[0-9a-f]{32}$' and created_by is null and proposal_id is null
      when 'CREATE_PROPOSAL' then operation_id ~ '^pop_[0-9a-f]{32}$' and created_by is not null
      when 'CREATE_PROPOSAL_VERSION' then
        operation_id ~ '^pop_[0-9a-f]{32}$' and created_by is not null and proposal_id is not null
      else false
    end),
  constraint async_operation_state check (
    case status
      when 'PENDING' then lease_owner is null and started_at is null and finished_at is null and result_text is null
      when 'RUNNING' then lease_owner is not null and claimable_at is not null
        and started_at is not null and finished_at is null and result_text is null
      when 'SUCCEEDED' then lease_owner is not null and claimable_at is null
        and started_at is not null and finished_at is not null and result_text is not null and error_code is null
      when 'FAILED' then lease_owner is not null and claimable_at is null
        and started_at is not null and finished_at is not null and result_text is null and error_code is not null
      else false
    end),
  constraint async_operation_attempt check (attempt >= case status when 'PENDING' then 0 else 1 end),
  constraint async_operation_error check ((error_code is null) = (error_message is null))
);

-- A worker's claim: what is due, longest due first; the few that are unfinished, whatever the table holds
create index async_operation_claim on async_operation (claimable_at) where finished_at is null;
-- The retention job: finished operations past their keep
create index async_operation_finished on async_operation (finished_at) where finished_at is not null;
-- GET /rebalance/operations, newest first, from any page
create index async_operation_newest on async_operation
  (tenant_id, operation_type, created_at desc, operation_id desc);
-- …?status=
create index async_operation_by_status on async_operation
  (tenant_id, operation_type, status, created_at desc, operation_id desc);
-- …?correlation_id= and GET …/by-correlation/{correlation_id}, the latest
create index async_operation_by_correlation on async_operation
  (tenant_id, correlation_id, created_at desc, operation_id desc);

-- What must hold between two states of one operation, whoever writes. What was asked never changes (see the grants).
create function guard_operation_transition() returns trigger
  language plpgsql
as $$
declare
  is_same_attempt boolean := new.attempt = old.attempt and new.lease_owner is not distinct from old.lease_owner;
  is_next_attempt boolean := new.attempt = old.attempt + 1;
  is_legal boolean := case old.status || ' ' || new.status
    when 'PENDING PENDING' then is_same_attempt
    when 'PENDING RUNNING' then is_next_attempt
    -- Its holder renews the lease; another takes over only once it has run out
    when 'RUNNING RUNNING' then is_same_attempt or (is_next_attempt and old.claimable_at <= now())
    -- Another attempt later, or given back as if it had not been taken
    when 'RUNNING PENDING' then new.attempt in (old.attempt, old.attempt - 1)
    when 'RUNNING SUCCEEDED' then is_same_attempt
    when 'RUNNING FAILED' then is_same_attempt
    else false
  end;
begin
  if is_legal then
    return new;
  end if;
  raise exception 'operation % may not go from % (attempt %) to % (attempt %)',
    old.operation_id, old.status, old.attempt, new.status, new.attempt
    using errcode = 'check_violation', constraint = 'async_operation_transition', table = 'async_operation';
end
$$;
create trigger async_operation_transition before update on async_operation
  for each row execute function guard_operation_transition();

alter table async_operation enable row level security, force row level security;

create policy tenant_isolation on async_operation using (tenant_id = current_tenant());
-- A worker finds and claims work of every tenant. It sees only that there is something to do; what it is, it reads as
-- the service, in the tenant of the operation.
create policy worker_finds on async_operation for select to ballast_worker using (finished_at is null);
create policy worker_claims on async_operation for update to ballast_worker
  using (finished_at is null) with check (status = 'RUNNING');

grant select, insert on async_operation to ballast_service;
grant update (status, attempt, lease_owner, claimable_at, proposal_id, result_text, error_code, error_message,
              started_at, finished_at) on async_operation to ballast_service;
grant select (tenant_id, operation_id, operation_type, status, attempt, claimable_at, created_at, finished_at)
  on async_operation to ballast_worker;
grant update (status, attempt, lease_owner, claimable_at, started_at) on async_operation to ballast_worker;
