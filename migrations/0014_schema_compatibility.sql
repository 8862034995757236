-- Which migration a process must know at least to work on this schema. One that does not know later ones goes on, as
-- long as this says so (docs/adr/0014-newer-schemas.md).
-- A later migration that such processes must not outlive raises it, in its own file:
--   update migration.schema_compatibility set least_known = 'NNNN_what';

create table migration.schema_compatibility (
  only_row    boolean primary key default true check (only_row),
  least_known text    not null check (least_known ~ '^\d{4}_')
);

insert into migration.schema_compatibility (least_known) values ('0014_schema_compatibility');

create function migration.refuse_lower() returns trigger language plpgsql as $$
begin
  if new.least_known < old.least_known then
    raise exception 'migration.schema_compatibility only rises: % is lower than %', new.least_known, old.least_known;
  end if;
  return new;
end $$;

create trigger refuse_lower before update on migration.schema_compatibility
  for each row execute function migration.refuse_lower();

grant select on migration.schema_compatibility to ballast_service;
