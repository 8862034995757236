-- The audit: refusals with 403 of callers who are known, changes of policy packs, and what the deployment did: starts and
-- retentions. One chain of hashes for each tenant. The deployment has a chain of its own, under a name that no tenant can
-- have, as a blank is in it (docs/adr/0017-audit.md). Nothing purges it.

create table audit_event (
  tenant_id             text        not null check (tenant_id <> ''),
  event_no              bigint      not null check (event_no >= 1),
  -- Of a refusal under a key, made of the request: however often it is sent, it is one row
  event_id              text        not null check (event_id ~ '^aev_[0-9a-f]{32}$'),
  action                text        not null check (action in
    ('REQUEST_REFUSED', 'POLICY_PACK_PUT', 'POLICY_PACK_DELETED', 'RETENTION_SET', 'PROCESS_STARTED')),
  -- The subject of the token, or the process; null where no token is asked for
  actor_id              text        check (actor_id <> ''),
  authenticated_subject text,
  occurred_at           timestamptz not null,
  correlation_id        text,
  details_text          text        not null,
  previous_hash         text,
  event_hash            text        not null check (event_hash ~ '^sha256:[0-9a-f]{64}$'),
  previous_event_no     bigint      generated always as (nullif(event_no - 1, 0)) stored,
  constraint audit_event_pkey primary key (tenant_id, event_no),
  constraint audit_event_id_key unique (tenant_id, event_id),
  -- One history: each event follows the one before it and carries its hash
  constraint audit_event_link unique (tenant_id, event_no, event_hash),
  constraint audit_event_chain foreign key (tenant_id, previous_event_no, previous_hash)
    references audit_event (tenant_id, event_no, event_hash),
  constraint audit_event_first check ((event_no = 1) = (previous_hash is null)),
  constraint audit_event_of_chain check (
    (tenant_id = 'the deployment') = (action in ('RETENTION_SET', 'PROCESS_STARTED'))),
  -- Whoever is refused chooses how often; how much is stored of it each time is bounded here
  constraint audit_event_size check (
    octet_length(details_text) <= case action when 'REQUEST_REFUSED' then 4096 else 65536 end)
);

-- GET /audit/events, newest first, from any page
create index audit_event_newest on audit_event (tenant_id, occurred_at desc, event_no desc);
-- …?actor=
create index audit_event_by_actor on audit_event (tenant_id, actor_id, occurred_at desc, event_no desc);
-- …?action=, and the retention that was recorded last
create index audit_event_by_action on audit_event (tenant_id, action, occurred_at desc, event_no desc);

-- Where each chain ends. Its lock orders what is written to a chain, and shows a tail that was cut off.
create table audit_head (
  tenant_id       text        not null check (tenant_id <> ''),
  -- 0 and null: before the first event
  last_event_no   bigint      not null check (last_event_no >= 0),
  last_event_hash text,
  last_event_at   timestamptz,
  constraint audit_head_pkey primary key (tenant_id),
  constraint audit_head_whole check (
    (last_event_no = 0) = (last_event_hash is null) and (last_event_no = 0) = (last_event_at is null)),
  constraint audit_head_stands_where_event_left
    foreign key (tenant_id, last_event_no, last_event_hash) references audit_event (tenant_id, event_no, event_hash)
    deferrable initially deferred
);

-- Each move is to the next event.
create function guard_audit_head() returns trigger
  language plpgsql
as $$
begin
  if new.last_event_no <> old.last_event_no + 1 then
    raise exception 'the audit of % stands at event %, and does not move to %', old.tenant_id, old.last_event_no,
      new.last_event_no
      using errcode = 'check_violation', constraint = 'audit_head_next', table = 'audit_head';
  end if;
  return new;
end
$$;
create trigger audit_head_next before update on audit_head
  for each row execute function guard_audit_head();

-- No event is committed that the head does not know.
create function guard_audit_event() returns trigger
  language plpgsql
as $$
begin
  if not exists (
    select from audit_head h
     where h.tenant_id = new.tenant_id
       and h.last_event_no >= new.event_no)
  then
    raise exception 'the audit of % does not reach event %', new.tenant_id, new.event_no
      using errcode = 'check_violation', constraint = 'audit_event_known', table = 'audit_event';
  end if;
  return null;
end
$$;
create constraint trigger audit_event_known after insert on audit_event
  deferrable initially deferred for each row execute function guard_audit_event();

alter table audit_event enable row level security, force row level security;
alter table audit_head  enable row level security, force row level security;

create policy tenant_isolation on audit_event using (tenant_id = current_tenant());
create policy tenant_isolation on audit_head  using (tenant_id = current_tenant());

grant select, insert on audit_event, audit_head to ballast_service;
grant update (last_event_no, last_event_hash, last_event_at) on audit_head to ballast_service;

create trigger audit_event_append_only before update or delete or truncate on audit_event
  for each statement execute function refuse_change();
create trigger audit_head_tenant_append_only before update of tenant_id on audit_head
  for each statement execute function refuse_change();
create trigger audit_head_append_only before delete or truncate on audit_head
  for each statement execute function refuse_change();
