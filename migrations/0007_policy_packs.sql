-- Policy packs: bank rules that override the options of a run. Every version is kept; the newest is the one in force.

create table policy_pack_version (
  tenant_id         text        not null check (tenant_id <> ''),
  policy_pack_id    text        not null check (policy_pack_id <> ''),
  revision          integer     not null check (revision >= 1),
  -- The name that the bank gives this version; null, like the definition, where the pack was deleted
  version           text,
  definition_text   text,
  definition_hash   text        check (definition_hash ~ '^sha256:[0-9a-f]{64}$'),
  -- In force from here to the next revision
  valid_from        timestamptz not null,
  correlation_id    text        not null,
  previous_revision integer     generated always as (nullif(revision - 1, 0)) stored,
  -- The newest: GET · PUT · DELETE /rebalance/policies/catalog/{policy_pack_id}, and every run that names the pack
  constraint policy_pack_version_pkey primary key (tenant_id, policy_pack_id, revision),
  constraint policy_pack_version_without_gaps
    foreign key (tenant_id, policy_pack_id, previous_revision) references policy_pack_version,
  constraint policy_pack_version_whole check (
    (version is null) = (definition_text is null) and (version is null) = (definition_hash is null)),
  constraint policy_pack_version_first check (revision > 1 or version is not null)
);

-- Which pack shaped a run: its id and version are there already, the revision says which row that was.
alter table rebalance_run
  add column policy_pack_revision integer,
  add constraint rebalance_run_policy_pack_fkey
    foreign key (tenant_id, policy_pack_id, policy_pack_revision) references policy_pack_version,
  add constraint rebalance_run_policy_pack check (
    (policy_pack_id is null) = (policy_pack_version is null)
    and (policy_pack_id is null) = (policy_pack_revision is null));

alter table policy_pack_version enable row level security, force row level security;
create policy tenant_isolation on policy_pack_version using (tenant_id = current_tenant());
grant select, insert on policy_pack_version to ballast_service;
create trigger policy_pack_version_append_only before update or delete or truncate on policy_pack_version
  for each statement execute function refuse_change();
