-- Counts for GET /rebalance/supportability/summary, kept by the transactions that change what is counted: exact at every
-- commit, and nobody waits for anybody, because a change is a row of its own. A job folds changes into counts
-- (docs/adr/0007-supportability-counts.md).

create table supportability_count (
  tenant_id text   not null check (tenant_id <> ''),
  subject   text   not null check (subject in ('RUN', 'OPERATION', 'DECISION_ACTION', 'DECISION_REASON', 'EDGE')),
  -- What the subject is counted by: a status, an action, a reason code, an edge type
  label     text   not null,
  count     bigint not null,
  constraint supportability_count_pkey primary key (tenant_id, subject, label)
);

create table supportability_change (
  tenant_id text   not null check (tenant_id <> ''),
  change_no bigint not null generated always as identity,
  subject   text   not null,
  label     text   not null,
  change    bigint not null,
  constraint supportability_change_pkey primary key (tenant_id, change_no)
);
-- Its rows live for seconds: readers and the job must not walk over those that are gone.
alter table supportability_change set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

alter table supportability_count  enable row level security, force row level security;
alter table supportability_change enable row level security, force row level security;
create policy tenant_isolation on supportability_count  using (tenant_id = current_tenant());
create policy tenant_isolation on supportability_change using (tenant_id = current_tenant());
-- A worker moves operations of every tenant, the retention job deletes and folds for every tenant.
create policy worker_counts    on supportability_change for insert to ballast_worker with check (true);
create policy retention_counts on supportability_change to ballast_retention using (true) with check (true);
create policy retention_folds  on supportability_count  to ballast_retention using (true) with check (true);
grant select on supportability_count to ballast_service;
grant select, insert on supportability_change to ballast_service;
grant insert on supportability_change to ballast_worker;
grant select, insert, delete on supportability_change to ballast_retention;
grant select, insert, update on supportability_count to ballast_retention;

-- One row for each label of a statement, however many rows it touched. `sign` is 1 for what came, -1 for what went.
create function count_runs() returns trigger language plpgsql as $$
declare sign constant bigint := tg_argv[0];
begin
  insert into supportability_change (tenant_id, subject, label, change)
  select tenant_id, 'RUN', status, sign * count(*) from touched group by tenant_id, status;
  return null;
end
$$;

create function count_decisions() returns trigger language plpgsql as $$
declare sign constant bigint := tg_argv[0];
begin
  insert into supportability_change (tenant_id, subject, label, change)
  select tenant_id, 'DECISION_ACTION', action, sign * count(*) from touched group by tenant_id, action
  union all
  select tenant_id, 'DECISION_REASON', reason_code, sign * count(*) from touched group by tenant_id, reason_code;
  return null;
end
$$;

create function count_edges() returns trigger language plpgsql as $$
declare sign constant bigint := tg_argv[0];
begin
  insert into supportability_change (tenant_id, subject, label, change)
  select tenant_id, 'EDGE', edge_type, sign * count(*) from touched group by tenant_id, edge_type;
  return null;
end
$$;

-- Operations of proposals are no part of the summary.
create function count_operations() returns trigger language plpgsql as $$
declare sign constant bigint := tg_argv[0];
begin
  insert into supportability_change (tenant_id, subject, label, change)
  select tenant_id, 'OPERATION', status, sign * count(*) from touched
   where operation_type = 'ANALYZE_SCENARIOS'
   group by tenant_id, status;
  return null;
end
$$;

-- A renewed lease changes no status, and so leaves no row.
create function count_operation_moves() returns trigger language plpgsql as $$
begin
  insert into supportability_change (tenant_id, subject, label, change)
  select tenant_id, 'OPERATION', status, sum(change)
    from (select tenant_id, operation_type, status, 1 as change from made
          union all
          select tenant_id, operation_type, status, -1 from touched) as moved
   where operation_type = 'ANALYZE_SCENARIOS'
   group by tenant_id, status
  having sum(change) <> 0;
  return null;
end
$$;

create trigger rebalance_run_came after insert on rebalance_run
  referencing new table as touched for each statement execute function count_runs('1');
create trigger rebalance_run_went after delete on rebalance_run
  referencing old table as touched for each statement execute function count_runs('-1');
create trigger run_decision_came after insert on run_decision
  referencing new table as touched for each statement execute function count_decisions('1');
create trigger run_decision_went after delete on run_decision
  referencing old table as touched for each statement execute function count_decisions('-1');
create trigger lineage_edge_came after insert on lineage_edge
  referencing new table as touched for each statement execute function count_edges('1');
create trigger lineage_edge_went after delete on lineage_edge
  referencing old table as touched for each statement execute function count_edges('-1');
create trigger async_operation_came after insert on async_operation
  referencing new table as touched for each statement execute function count_operations('1');
create trigger async_operation_went after delete on async_operation
  referencing old table as touched for each statement execute function count_operations('-1');
create trigger async_operation_moved after update on async_operation
  referencing old table as touched new table as made for each statement execute function count_operation_moves();

-- What is there already. The triggers above keep writers out until this is committed; the owner sees no tenant's rows
-- unless row-level security is not forced on it for the moment.
alter table rebalance_run        no force row level security;
alter table run_decision         no force row level security;
alter table lineage_edge         no force row level security;
alter table async_operation      no force row level security;
alter table supportability_count no force row level security;
insert into supportability_count (tenant_id, subject, label, count)
select tenant_id, 'RUN', status, count(*) from rebalance_run group by tenant_id, status
union all
select tenant_id, 'OPERATION', status, count(*) from async_operation
 where operation_type = 'ANALYZE_SCENARIOS' group by tenant_id, status
union all
select tenant_id, 'DECISION_ACTION', action, count(*) from run_decision group by tenant_id, action
union all
select tenant_id, 'DECISION_REASON', reason_code, count(*) from run_decision group by tenant_id, reason_code
union all
select tenant_id, 'EDGE', edge_type, count(*) from lineage_edge group by tenant_id, edge_type;
alter table rebalance_run        force row level security;
alter table run_decision         force row level security;
alter table lineage_edge         force row level security;
alter table async_operation      force row level security;
alter table supportability_count force row level security;
