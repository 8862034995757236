-- What operators see of operations across tenants: in the log by whose request each belongs to, in the metrics how many
-- there are of each end.

grant select (correlation_id) on async_operation to ballast_worker;
-- Finished ones too, so that they can be counted; a condition here would keep the count from the index below.
drop policy worker_finds on async_operation;
create policy worker_sees on async_operation for select to ballast_worker using (true);
-- The metrics: how many finished operations are kept, of each type and end
create index async_operation_by_end on async_operation (operation_type, status) where finished_at is not null;
