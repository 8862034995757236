-- Advisory proposals: what was proposed, version by version, and everything that happened to it since.
--
-- `proposal` is the aggregate: its lock orders what happens to one proposal. It holds what the newest event left behind;
-- the truth is the chain of events, and the constraints below keep the two from parting.

create table proposal (
  tenant_id          text        not null check (tenant_id <> ''),
  proposal_id        text        not null check (proposal_id ~ '^pp_[0-9a-f]{32}$'),
  created_by         text        not null,
  created_at         timestamptz not null,
  correlation_id     text        not null,
  title              text,
  advisor_notes      text,
  jurisdiction       text,
  mandate_id         text,
  -- What the newest event left behind; nothing above ever changes
  portfolio_id       text        not null,
  current_state      text        not null,
  current_version_no integer     not null,
  last_event_no      integer     not null,
  last_event_hash    text        not null,
  last_event_at      timestamptz not null,
  constraint proposal_pkey primary key (tenant_id, proposal_id)
);

-- GET /rebalance/proposals, newest first, from any page
create index proposal_newest on proposal (tenant_id, created_at desc, proposal_id desc);
-- …?portfolio_id=
create index proposal_by_portfolio on proposal (tenant_id, portfolio_id, created_at desc, proposal_id desc);
-- …?state=
create index proposal_by_state on proposal (tenant_id, current_state, created_at desc, proposal_id desc);
-- …?created_by=
create index proposal_by_creator on proposal (tenant_id, created_by, created_at desc, proposal_id desc);

-- The documents of a version are kept byte for byte as they were hashed and sent.
create table proposal_version (
  tenant_id           text        not null,
  proposal_id         text        not null,
  version_no          integer     not null check (version_no >= 1),
  proposal_version_id text        not null check (proposal_version_id ~ '^ppv_[0-9a-f]{32}$'),
  created_by          text        not null,
  created_at          timestamptz not null,
  correlation_id      text        not null,
  idempotency_key     text,
  portfolio_id        text        not null,
  status_at_creation  text        not null check (status_at_creation in ('READY', 'PENDING_REVIEW', 'BLOCKED')),
  engine_version      text        not null,
  request_hash        text        not null check (request_hash ~ '^sha256:[0-9a-f]{64}$'),
  simulation_hash     text        not null check (simulation_hash ~ '^sha256:[0-9a-f]{64}$'),
  artifact_hash       text        not null check (artifact_hash ~ '^sha256:[0-9a-f]{64}$'),
  -- Over the very bytes of the artifact; artifact_hash leaves out when and for whom it was made
  artifact_text_hash  text        not null check (artifact_text_hash ~ '^sha256:[0-9a-f]{64}$'),
  -- Whether the version shows its evidence bundle, which is made of the documents below and the hashes above
  keeps_evidence      boolean     not null,
  gate_text           text,
  request_text        text        not null,
  result_text         text        not null,
  artifact_text       text        not null,
  previous_version_no integer     generated always as (nullif(version_no - 1, 0)) stored,
  constraint proposal_version_pkey primary key (tenant_id, proposal_id, version_no),
  constraint proposal_version_id_key unique (tenant_id, proposal_version_id),
  constraint proposal_version_proposal_fkey foreign key (tenant_id, proposal_id) references proposal,
  constraint proposal_version_without_gaps
    foreign key (tenant_id, proposal_id, previous_version_no) references proposal_version
);

create table proposal_event (
  tenant_id          text        not null,
  proposal_id        text        not null,
  event_no           integer     not null check (event_no >= 1),
  event_id           text        not null check (event_id ~ '^pwe_[0-9a-f]{32}$'),
  event_type         text        not null,
  from_state         text,
  to_state           text        not null,
  actor_id           text        not null,
  occurred_at        timestamptz not null,
  correlation_id     text        not null,
  reason_text        text        not null,
  related_version_no integer     not null,
  -- The maker of the version approved it, in a deployment that does without segregation of duties
  segregation_waived boolean     not null default false,
  -- What was written with the event, by hash
  proposal_hash      text        check (proposal_hash ~ '^sha256:[0-9a-f]{64}$'),
  version_hash       text        check (version_hash ~ '^sha256:[0-9a-f]{64}$'),
  approval_id        text,
  approval_hash      text        check (approval_hash ~ '^sha256:[0-9a-f]{64}$'),
  previous_hash      text,
  event_hash         text        not null check (event_hash ~ '^sha256:[0-9a-f]{64}$'),
  previous_event_no  integer     generated always as (nullif(event_no - 1, 0)) stored,
  constraint proposal_event_pkey primary key (tenant_id, proposal_id, event_no),
  constraint proposal_event_id_key unique (tenant_id, event_id),
  constraint proposal_event_proposal_fkey foreign key (tenant_id, proposal_id) references proposal,
  constraint proposal_event_version_fkey
    foreign key (tenant_id, proposal_id, related_version_no) references proposal_version,
  -- One history: each event follows the one before it, starts in the state that it left and carries its hash
  constraint proposal_event_link unique (tenant_id, proposal_id, event_no, event_hash, to_state),
  constraint proposal_event_chain
    foreign key (tenant_id, proposal_id, previous_event_no, previous_hash, from_state)
    references proposal_event (tenant_id, proposal_id, event_no, event_hash, to_state),
  constraint proposal_event_first check (
    case when event_no = 1 then event_type = 'CREATED' and previous_hash is null
         else event_type <> 'CREATED' and previous_hash is not null and from_state is not null
    end),
  constraint proposal_event_legal check (
    (case event_type
       when 'CREATED' then from_state is null and to_state = 'DRAFT'
       when 'NEW_VERSION_CREATED' then to_state = from_state and from_state in
         ('DRAFT', 'RISK_REVIEW', 'COMPLIANCE_REVIEW', 'AWAITING_CLIENT_CONSENT', 'EXECUTION_READY')
       when 'SUBMITTED_FOR_RISK_REVIEW' then from_state = 'DRAFT' and to_state = 'RISK_REVIEW'
       when 'SUBMITTED_FOR_COMPLIANCE_REVIEW' then from_state = 'DRAFT' and to_state = 'COMPLIANCE_REVIEW'
       when 'RISK_APPROVED' then from_state = 'RISK_REVIEW' and to_state = 'AWAITING_CLIENT_CONSENT'
       when 'COMPLIANCE_APPROVED' then from_state = 'COMPLIANCE_REVIEW' and to_state = 'AWAITING_CLIENT_CONSENT'
       when 'CLIENT_CONSENT_RECORDED' then from_state = 'AWAITING_CLIENT_CONSENT' and to_state = 'EXECUTION_READY'
       when 'REJECTED' then to_state = 'REJECTED' and from_state in
         ('RISK_REVIEW', 'COMPLIANCE_REVIEW', 'AWAITING_CLIENT_CONSENT')
       when 'EXECUTED' then from_state = 'EXECUTION_READY' and to_state = 'EXECUTED'
       when 'EXPIRED' then from_state = 'EXECUTION_READY' and to_state = 'EXPIRED'
       when 'CANCELLED' then to_state = 'CANCELLED' and from_state in
         ('DRAFT', 'RISK_REVIEW', 'COMPLIANCE_REVIEW', 'AWAITING_CLIENT_CONSENT', 'EXECUTION_READY')
       else false
     end) is true),
  constraint proposal_event_covers check (
    (proposal_hash is not null) = (event_type = 'CREATED')
    and (version_hash is not null) = (event_type in ('CREATED', 'NEW_VERSION_CREATED'))
    and (approval_hash is null) = (approval_id is null)
    and (approval_id is null or event_type in
         ('RISK_APPROVED', 'COMPLIANCE_APPROVED', 'CLIENT_CONSENT_RECORDED', 'REJECTED'))),
  constraint proposal_event_waiver check (
    not segregation_waived or event_type in ('RISK_APPROVED', 'COMPLIANCE_APPROVED'))
);

-- Each approval came with an event of the same number, and is part of its hash.
create table proposal_approval (
  tenant_id          text        not null,
  proposal_id        text        not null,
  event_no           integer     not null,
  approval_id        text        not null check (approval_id ~ '^pap_[0-9a-f]{32}$'),
  approval_type      text        not null check (approval_type in ('RISK', 'COMPLIANCE', 'CLIENT_CONSENT')),
  approved           boolean     not null,
  actor_id           text        not null,
  occurred_at        timestamptz not null,
  details_text       text        not null,
  related_version_no integer     not null,
  constraint proposal_approval_pkey primary key (tenant_id, proposal_id, event_no),
  constraint proposal_approval_id_key unique (tenant_id, approval_id),
  constraint proposal_approval_event_fkey
    foreign key (tenant_id, proposal_id, event_no) references proposal_event,
  constraint proposal_approval_version_fkey
    foreign key (tenant_id, proposal_id, related_version_no) references proposal_version
);

-- What refers to what is written after it is judged at COMMIT.
alter table proposal
  add constraint proposal_stands_where_event_left
    foreign key (tenant_id, proposal_id, last_event_no, last_event_hash, current_state)
    references proposal_event (tenant_id, proposal_id, event_no, event_hash, to_state)
    deferrable initially deferred,
  add constraint proposal_current_version_fkey
    foreign key (tenant_id, proposal_id, current_version_no) references proposal_version
    deferrable initially deferred;
alter table proposal_event
  add constraint proposal_event_approval_fkey
    foreign key (tenant_id, approval_id) references proposal_approval (tenant_id, approval_id)
    deferrable initially deferred;

-- An approving event is for the newest version, and its maker does not give the bank's own approval, whoever writes. Where
-- a deployment does without the second rule, the event says so itself, under its hash: there is no setting by which a
-- statement could pass unseen.
create function guard_approving_event() returns trigger
  language plpgsql
as $$
begin
  if exists (
    select from proposal_version v
     where v.tenant_id = new.tenant_id
       and v.proposal_id = new.proposal_id
       and v.version_no > new.related_version_no)
  then
    raise exception 'version % of proposal % is superseded', new.related_version_no, new.proposal_id
      using errcode = 'check_violation', constraint = 'proposal_event_newest_version', table = 'proposal_event';
  end if;
  if new.event_type <> 'CLIENT_CONSENT_RECORDED' and not new.segregation_waived and exists (
    select from proposal_version v
     where v.tenant_id = new.tenant_id
       and v.proposal_id = new.proposal_id
       and v.version_no = new.related_version_no
       and v.created_by = new.actor_id)
  then
    raise exception 'the maker of version % of proposal % may not approve it', new.related_version_no, new.proposal_id
      using errcode = 'check_violation', constraint = 'proposal_event_segregation_of_duties', table = 'proposal_event';
  end if;
  return new;
end
$$;
create trigger proposal_event_approving before insert on proposal_event
  for each row when (new.event_type in ('RISK_APPROVED', 'COMPLIANCE_APPROVED', 'CLIENT_CONSENT_RECORDED'))
  execute function guard_approving_event();

-- An approval says what its event says. Its event is written before it.
create function guard_approval_event() returns trigger
  language plpgsql
as $$
begin
  if not exists (
    select from proposal_event e
     where e.tenant_id = new.tenant_id
       and e.proposal_id = new.proposal_id
       and e.event_no = new.event_no
       and e.approval_id = new.approval_id
       and e.actor_id = new.actor_id
       and e.occurred_at = new.occurred_at
       and e.related_version_no = new.related_version_no
       and e.event_type = case when not new.approved then 'REJECTED'
                               when new.approval_type = 'CLIENT_CONSENT' then 'CLIENT_CONSENT_RECORDED'
                               else new.approval_type || '_APPROVED' end)
  then
    raise exception 'approval % is not what event % of proposal % says', new.approval_id, new.event_no, new.proposal_id
      using errcode = 'check_violation', constraint = 'proposal_approval_event', table = 'proposal_approval';
  end if;
  return new;
end
$$;
create trigger proposal_approval_event before insert on proposal_approval
  for each row execute function guard_approval_event();

-- What a stored answer made: a proposal's version. A key may be for several proposals, hence the newest.
-- artifact_text is the second answer of a key that simulate and artifact share.
alter table idempotency_record
  add column proposal_id         text,
  add column proposal_version_no integer,
  add column artifact_text       text,
  add constraint idempotency_record_version_fkey
    foreign key (tenant_id, proposal_id, proposal_version_no) references proposal_version,
  add constraint idempotency_record_version check ((proposal_id is null) = (proposal_version_no is null));
-- GET /rebalance/proposals/idempotency/{idempotency_key}
create index idempotency_record_by_proposal_key on idempotency_record (tenant_id, idempotency_key, created_at desc)
  where proposal_id is not null;

alter table proposal          enable row level security, force row level security;
alter table proposal_version  enable row level security, force row level security;
alter table proposal_event    enable row level security, force row level security;
alter table proposal_approval enable row level security, force row level security;

create policy tenant_isolation on proposal          using (tenant_id = current_tenant());
create policy tenant_isolation on proposal_version  using (tenant_id = current_tenant());
create policy tenant_isolation on proposal_event    using (tenant_id = current_tenant());
create policy tenant_isolation on proposal_approval using (tenant_id = current_tenant());

grant select, insert on proposal, proposal_version, proposal_event, proposal_approval to ballast_service;
grant update (portfolio_id, current_state, current_version_no, last_event_no, last_event_hash, last_event_at)
  on proposal to ballast_service;
grant update (artifact_text) on idempotency_record to ballast_service;

create trigger proposal_facts_append_only
  before update of tenant_id, proposal_id, created_by, created_at, correlation_id, title, advisor_notes, jurisdiction,
    mandate_id on proposal
  for each statement execute function refuse_change();
create trigger proposal_append_only before delete or truncate on proposal
  for each statement execute function refuse_change();
create trigger proposal_version_append_only before update or delete or truncate on proposal_version
  for each statement execute function refuse_change();
create trigger proposal_event_append_only before update or delete or truncate on proposal_event
  for each statement execute function refuse_change();
create trigger proposal_approval_append_only before update or delete or truncate on proposal_approval
  for each statement execute function refuse_change();
