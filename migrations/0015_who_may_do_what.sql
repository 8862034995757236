-- Who did what: the subject of the caller's token beside every actor, names compared as those of people, and four eyes
-- that are bound to a version.
--
-- Rows of before keep hash version 1, and stay as they are. actor_folded, created_by_folded and subject_folded are the
-- names as they are compared (NFKC case folding). The service writes them, as no function of PostgreSQL 15 folds case;
-- where one is missing, in a row of before, lower case without outer blanks stands in for it.

alter table rebalance_run
  add column authenticated_subject text,
  add column subject_folded        text,
  add constraint rebalance_run_subject check ((authenticated_subject is null) = (subject_folded is null));
alter table async_operation     add column authenticated_subject text;
alter table operation_action    add column authenticated_subject text;
alter table policy_pack_version add column authenticated_subject text;

alter table proposal_version
  add column authenticated_subject text,
  add column created_by_folded     text;
alter table proposal_approval
  add column authenticated_subject text;
alter table proposal_event
  add column authenticated_subject text,
  add column actor_folded          text,
  add column hash_version          smallint not null default 1,
  -- A BLOCKED version takes a step, in a deployment that allows it
  add column blocked_waived        boolean  not null default false,
  -- One person has two of the duties RISK, COMPLIANCE and execution, in a deployment that does not ask for different ones
  add column distinct_waived       boolean  not null default false,
  add constraint proposal_event_hash_version check (hash_version in (1, 2)),
  add constraint proposal_event_person check ((hash_version = 1) = (actor_folded is null)),
  add constraint proposal_event_step_waiver check (
    (not blocked_waived or event_type in
      ('SUBMITTED_FOR_RISK_REVIEW', 'SUBMITTED_FOR_COMPLIANCE_REVIEW', 'RISK_APPROVED', 'COMPLIANCE_APPROVED',
       'CLIENT_CONSENT_RECORDED', 'EXECUTED'))
    and (not distinct_waived or event_type in ('RISK_APPROVED', 'COMPLIANCE_APPROVED', 'EXECUTED')));

-- A new version leads back to DRAFT, or leaves the state where the deployment keeps it for older callers.
alter table proposal_event drop constraint proposal_event_legal;
alter table proposal_event add constraint proposal_event_legal check (
  (case event_type
     when 'CREATED' then from_state is null and to_state = 'DRAFT'
     when 'NEW_VERSION_CREATED' then to_state in ('DRAFT', from_state) and from_state in
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
   end) is true);

create function folded_name(folded text, name text) returns text
  language sql immutable parallel safe
  return coalesce(folded, lower(btrim(normalize(name, nfkc))));

-- The rules of four eyes, whoever writes. Where a deployment does without one of them, the event says so itself, under
-- its hash: there is no setting by which a statement could pass unseen. Processes of before this migration do not know
-- distinct_waived, so the last rule is for events of hash version 2.
create function guard_proposal_step() returns trigger
  language plpgsql
as $$
declare
  person text := folded_name(new.actor_folded, new.actor_id);
  maker  text;
  status text;
  broken text;
begin
  select folded_name(v.created_by_folded, v.created_by), v.status_at_creation into maker, status
    from proposal_version v
   where v.tenant_id = new.tenant_id
     and v.proposal_id = new.proposal_id
     and v.version_no = new.related_version_no;
  if exists (
    select from proposal_version v
     where v.tenant_id = new.tenant_id
       and v.proposal_id = new.proposal_id
       and v.version_no > new.related_version_no)
  then
    broken := 'proposal_event_newest_version';
  elsif new.event_type in ('CLIENT_CONSENT_RECORDED', 'EXECUTED')
    and not is_version_approved(new.tenant_id, new.proposal_id, new.related_version_no, new.event_type)
  then
    broken := 'proposal_event_version_approved';
  elsif status = 'BLOCKED' and not new.blocked_waived and new.event_type in
    ('SUBMITTED_FOR_RISK_REVIEW', 'SUBMITTED_FOR_COMPLIANCE_REVIEW', 'RISK_APPROVED', 'COMPLIANCE_APPROVED',
     'CLIENT_CONSENT_RECORDED', 'EXECUTED')
  then
    broken := 'proposal_event_version_blocked';
  elsif new.event_type in ('RISK_APPROVED', 'COMPLIANCE_APPROVED') and not new.segregation_waived and maker = person then
    broken := 'proposal_event_segregation_of_duties';
  elsif new.event_type in ('RISK_APPROVED', 'COMPLIANCE_APPROVED', 'EXECUTED') and not new.distinct_waived
    and new.hash_version > 1 and exists (
      select from proposal_event e
       where e.tenant_id = new.tenant_id
         and e.proposal_id = new.proposal_id
         and e.event_type in ('RISK_APPROVED', 'COMPLIANCE_APPROVED')
         and e.event_type <> new.event_type
         and folded_name(e.actor_folded, e.actor_id) = person)
  then
    broken := 'proposal_event_distinct_people';
  end if;
  if broken is null then
    return new;
  end if;
  raise exception '% of version % of proposal % by % is refused', new.event_type, new.related_version_no,
    new.proposal_id, new.actor_id
    using errcode = 'check_violation', constraint = broken, table = 'proposal_event';
end
$$;

-- Whether a version has the approvals that lead to an event: that of the bank, and for the execution the client's.
create function is_version_approved(tenant text, proposal text, version integer, event text) returns boolean
  language sql stable
as $$
  select count(*) filter (where e.event_type in ('RISK_APPROVED', 'COMPLIANCE_APPROVED')) > 0
         and (event = 'CLIENT_CONSENT_RECORDED'
              or count(*) filter (where e.event_type = 'CLIENT_CONSENT_RECORDED') > 0)
    from proposal_event e
   where e.tenant_id = tenant
     and e.proposal_id = proposal
     and e.related_version_no = version
$$;

drop trigger proposal_event_approving on proposal_event;
drop function guard_approving_event();
create trigger proposal_event_step before insert on proposal_event
  for each row when (new.event_type not in ('CREATED', 'NEW_VERSION_CREATED')) execute function guard_proposal_step();

-- An approval says what its event says, who sent it too.
create or replace function guard_approval_event() returns trigger
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
       and e.authenticated_subject is not distinct from new.authenticated_subject
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

-- The review of a run: whoever submitted it does not review it, where tokens say who both are.
alter table run_decision
  add column authenticated_subject text,
  add column actor_folded          text,
  add column subject_folded        text,
  add column hash_version          smallint not null default 1,
  -- The submitter reviewed it, in a deployment that does without segregation
  add column segregation_waived    boolean  not null default false,
  add constraint run_decision_hash_version check (hash_version in (1, 2)),
  add constraint run_decision_person check (
    (hash_version = 1) = (actor_folded is null)
    and (authenticated_subject is null) = (subject_folded is null));

create function guard_run_review() returns trigger
  language plpgsql
as $$
begin
  if exists (
    select from rebalance_run r
     where r.tenant_id = new.tenant_id
       and r.rebalance_run_id = new.rebalance_run_id
       and r.subject_folded in (new.subject_folded, new.actor_folded))
  then
    raise exception 'run % is reviewed by its submitter', new.rebalance_run_id
      using errcode = 'check_violation', constraint = 'run_decision_segregation_of_duties', table = 'run_decision';
  end if;
  return new;
end
$$;
create trigger run_decision_review before insert on run_decision
  for each row when (new.subject_folded is not null and not new.segregation_waived) execute function guard_run_review();

-- A process that does not know hash version 2 would call what is sealed under it altered.
update migration.schema_compatibility set least_known = '0015_who_may_do_what';
