-- Run review: what was decided about a run, by whom, when and why.

create table run_decision (
  tenant_id            text        not null,
  rebalance_run_id     text        not null,
  decision_no          integer     not null check (decision_no >= 1),
  decision_id          text        not null check (decision_id ~ '^dwd_[0-9a-f]{32}$'),
  action               text        not null,
  from_status          text        not null,
  to_status            text        not null,
  reason_code          text        not null check (reason_code ~ '^[A-Z][A-Z0-9_]*$'),
  comment              text,
  actor_id             text        not null check (actor_id <> ''),
  decided_at           timestamptz not null,
  -- Of the request that decided
  correlation_id       text        not null,
  idempotency_key      text,
  -- Of the run; runs never change, so this copy cannot part from it
  run_correlation_id   text        not null,
  previous_hash        text,
  decision_hash        text        not null check (decision_hash ~ '^sha256:[0-9a-f]{64}$'),
  previous_decision_no integer     generated always as (nullif(decision_no - 1, 0)) stored,
  constraint run_decision_pkey primary key (tenant_id, rebalance_run_id, decision_no),
  constraint run_decision_id_key unique (tenant_id, decision_id),
  constraint run_decision_run_fkey foreign key (tenant_id, rebalance_run_id) references rebalance_run,
  -- One history: each decision follows the one before it, starts from what that one left and carries its hash
  constraint run_decision_link unique (tenant_id, rebalance_run_id, decision_no, decision_hash, to_status),
  constraint run_decision_chain
    foreign key (tenant_id, rebalance_run_id, previous_decision_no, previous_hash, from_status)
    references run_decision (tenant_id, rebalance_run_id, decision_no, decision_hash, to_status),
  constraint run_decision_first check (
    case when decision_no = 1 then from_status = 'PENDING_REVIEW' and previous_hash is null
         else previous_hash is not null
    end),
  constraint run_decision_legal check (
    (case action
       when 'APPROVE' then from_status = 'PENDING_REVIEW' and to_status = 'APPROVED'
       when 'REJECT' then from_status in ('PENDING_REVIEW', 'APPROVED') and to_status = 'REJECTED'
       when 'REQUEST_CHANGES' then
         from_status in ('PENDING_REVIEW', 'APPROVED', 'REJECTED') and to_status = 'PENDING_REVIEW'
       else false
     end) is true)
);

-- GET /rebalance/workflow/decisions, newest first, from any page. Two decisions of one run may share a millisecond: the
-- number keeps their order.
create index run_decision_newest on run_decision
  (tenant_id, decided_at desc, decision_no desc, decision_id desc);
-- …?rebalance_run_id=
create index run_decision_by_run on run_decision
  (tenant_id, rebalance_run_id, decided_at desc, decision_no desc, decision_id desc);
-- …?action=
create index run_decision_by_action on run_decision
  (tenant_id, action, decided_at desc, decision_no desc, decision_id desc);
-- …?actor_id=
create index run_decision_by_actor on run_decision
  (tenant_id, actor_id, decided_at desc, decision_no desc, decision_id desc);
-- …?reason_code=
create index run_decision_by_reason on run_decision
  (tenant_id, reason_code, decided_at desc, decision_no desc, decision_id desc);
-- GET /rebalance/workflow/decisions/by-correlation/{correlation_id}: of the deciding request, or of the run
create index run_decision_by_correlation on run_decision
  (tenant_id, correlation_id, decided_at desc, decision_no desc, decision_id desc);
create index run_decision_by_run_correlation on run_decision
  (tenant_id, run_correlation_id, decided_at desc, decision_no desc, decision_id desc);
-- A retried action that names its run by correlation id or key: the run that its Idempotency-Key was used on
create index idempotency_record_by_review_key on idempotency_record (tenant_id, idempotency_key, rebalance_run_id)
  where starts_with(scope, 'rebalance.workflow:');

alter table run_decision enable row level security, force row level security;
create policy tenant_isolation on run_decision using (tenant_id = current_tenant());
-- Decisions go with their run.
create policy retention_purges on run_decision to ballast_retention using (true) with check (false);
grant select, insert on run_decision to ballast_service;
grant delete, select (tenant_id, rebalance_run_id) on run_decision to ballast_retention;
create trigger run_decision_append_only before update or delete or truncate on run_decision
  for each statement execute function refuse_change();

-- To lock a run is to order its decisions, and PostgreSQL lets only those lock a row who may update a column of it. The
-- column is one that row-level security pins, and rebalance_run_append_only refuses any update of any row.
grant update (tenant_id) on rebalance_run to ballast_service;
