-- Run by psql as the owner of the database, at every start: makes the service's login, and gives it the password that is
-- set now. It owns nothing; the migrations make it a member of ballast_service.
\getenv password BALLAST_PASSWORD
select 'create role ballast_app' where not exists (select from pg_roles where rolname = 'ballast_app') \gexec
alter role ballast_app login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password :'password';
