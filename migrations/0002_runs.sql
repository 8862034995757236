-- Discretionary runs: what was asked, what came out, and how to find it again.

create table rebalance_run (
  tenant_id           text        not null check (tenant_id <> ''),
  rebalance_run_id    text        not null check (rebalance_run_id ~ '^rr_[0-9a-f]{32}$'),
  correlation_id      text        not null,
  request_hash        text        not null,
  idempotency_key     text,
  portfolio_id        text        not null,
  status              text        not null check (status in ('READY', 'PENDING_REVIEW', 'BLOCKED')),
  batch_run_id        text,
  policy_pack_id      text,
  policy_pack_version text,
  engine_version      text        not null,
  input_hash          text        not null check (input_hash ~ '^sha256:[0-9a-f]{64}$'),
  result_hash         text        not null check (result_hash ~ '^sha256:[0-9a-f]{64}$'),
  created_at          timestamptz not null,
  constraint rebalance_run_pkey primary key (tenant_id, rebalance_run_id)
);

-- GET /rebalance/runs, newest first, from any page
create index rebalance_run_newest on rebalance_run (tenant_id, created_at desc, rebalance_run_id desc);
-- …?status=
create index rebalance_run_by_status on rebalance_run (tenant_id, status, created_at desc, rebalance_run_id desc);
-- …?portfolio_id=
create index rebalance_run_by_portfolio on rebalance_run (tenant_id, portfolio_id, created_at desc, rebalance_run_id desc);
-- …?request_hash= and GET /rebalance/runs/by-request-hash/{request_hash}, the latest
create index rebalance_run_by_request_hash on rebalance_run (tenant_id, request_hash, created_at desc, rebalance_run_id desc);
-- GET /rebalance/runs/by-correlation/{correlation_id}, the latest
create index rebalance_run_by_correlation on rebalance_run (tenant_id, correlation_id, created_at desc, rebalance_run_id desc);

-- The documents of a run, byte for byte as they were hashed and sent.
-- input_text is what the engine was given, options in force included; request_text is kept apart only where a policy
-- pack made the two differ.
create table run_payload (
  tenant_id        text not null,
  rebalance_run_id text not null,
  input_text       text not null,
  request_text     text,
  result_text      text not null,
  constraint run_payload_pkey primary key (tenant_id, rebalance_run_id),
  constraint run_payload_run_fkey foreign key (tenant_id, rebalance_run_id) references rebalance_run
);

-- One record for each key that was acted on: the claim and the stored answer are one row, so a crash can leave neither
-- alone. response_body is null where the answer is the result of rebalance_run_id, whose bytes are kept once.
create table idempotency_record (
  tenant_id        text        not null check (tenant_id <> ''),
  scope            text        not null check (scope <> ''),
  idempotency_key  text        not null check (length(idempotency_key) between 1 and 255),
  payload_hash     text        not null check (payload_hash ~ '^sha256:[0-9a-f]{64}$'),
  response_status  smallint    not null check (response_status between 200 and 499),
  response_body    text,
  rebalance_run_id text,
  created_at       timestamptz not null,
  expires_at       timestamptz,
  constraint idempotency_record_pkey primary key (tenant_id, scope, idempotency_key),
  constraint idempotency_record_run_fkey foreign key (tenant_id, rebalance_run_id) references rebalance_run,
  constraint idempotency_record_has_answer check (response_body is not null or rebalance_run_id is not null)
);
-- The retention job: refusals past their keep
create index idempotency_record_expiry on idempotency_record (expires_at) where expires_at is not null;
-- The retention job: the keys of a run that is deleted
create index idempotency_record_by_run on idempotency_record (tenant_id, rebalance_run_id) where rebalance_run_id is not null;

-- Every run that a key ever led to (more than one only where replay is switched off).
create table idempotency_history (
  tenant_id        text        not null check (tenant_id <> ''),
  idempotency_key  text        not null,
  rebalance_run_id text        not null,
  correlation_id   text        not null,
  request_hash     text        not null,
  created_at       timestamptz not null,
  -- GET /rebalance/idempotency/{idempotency_key}/history, oldest first
  constraint idempotency_history_pkey primary key (tenant_id, idempotency_key, created_at, rebalance_run_id),
  constraint idempotency_history_run_fkey foreign key (tenant_id, rebalance_run_id) references rebalance_run
);
-- The retention job: the history of a run that is deleted
create index idempotency_history_by_run on idempotency_history (tenant_id, rebalance_run_id);

create table lineage_edge (
  tenant_id        text        not null check (tenant_id <> ''),
  source_entity_id text        not null,
  edge_type        text        not null
    check (edge_type in ('CORRELATION_TO_RUN', 'IDEMPOTENCY_TO_RUN', 'OPERATION_TO_CORRELATION')),
  target_entity_id text        not null,
  created_at       timestamptz not null,
  metadata         jsonb       not null,
  -- GET /rebalance/lineage/{entity_id}, edges from it, oldest first
  constraint lineage_edge_pkey primary key (tenant_id, source_entity_id, created_at, edge_type, target_entity_id)
);
-- …edges to it, oldest first; and the retention job: the edges of a run that is deleted
create index lineage_edge_by_target on lineage_edge (tenant_id, target_entity_id, created_at, edge_type, source_entity_id);

-- Tenant isolation, and the fence against a statement that has lost its transaction: without a tenant there is no row.
alter table rebalance_run       enable row level security, force row level security;
alter table run_payload         enable row level security, force row level security;
alter table idempotency_record  enable row level security, force row level security;
alter table idempotency_history enable row level security, force row level security;
alter table lineage_edge        enable row level security, force row level security;

create policy tenant_isolation on rebalance_run       using (tenant_id = current_tenant());
create policy tenant_isolation on run_payload         using (tenant_id = current_tenant());
create policy tenant_isolation on idempotency_record  using (tenant_id = current_tenant());
create policy tenant_isolation on idempotency_history using (tenant_id = current_tenant());
create policy tenant_isolation on lineage_edge        using (tenant_id = current_tenant());

grant select, insert on rebalance_run, run_payload, idempotency_record, idempotency_history, lineage_edge to ballast_service;
-- A key whose replay is switched off maps to its newest run.
grant update (payload_hash, rebalance_run_id, created_at) on idempotency_record to ballast_service;

create trigger rebalance_run_append_only before update or delete or truncate on rebalance_run
  for each statement execute function refuse_change();
create trigger run_payload_append_only before update or delete or truncate on run_payload
  for each statement execute function refuse_change();
create trigger idempotency_history_append_only before update or delete or truncate on idempotency_history
  for each statement execute function refuse_change();
create trigger lineage_edge_append_only before update or delete or truncate on lineage_edge
  for each statement execute function refuse_change();
