-- What every table stands on: the tenant of a transaction, and the refusal to change what is append-only.
--
-- Roles (made by the migration runner before any file runs, because roles belong to the cluster):
--   ballast_service    what requests run as: reads and inserts, within one tenant
--   ballast_worker     taken for one transaction to find work across tenants
--   ballast_retention  taken for one transaction to delete what has outlived its keep

-- The tenant that this transaction works for; null outside a transaction of ours, and null equals no row.
-- A reset local setting reads '' on a reused connection, hence nullif.
create function current_tenant() returns text
  language sql stable parallel safe
  return nullif(current_setting('app.tenant_id', true), '');

-- Evidence is written once. Not the service, not its owner, only the retention job may delete, and nobody may update.
create function refuse_change() returns trigger
  language plpgsql
as $$
begin
  if tg_op = 'DELETE' and current_user = 'ballast_retention' then
    return null;
  end if;
  raise exception '% is append-only: % refused', tg_table_name, lower(tg_op)
    using errcode = 'insufficient_privilege';
end
$$;
