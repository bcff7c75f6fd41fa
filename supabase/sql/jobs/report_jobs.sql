drop policy if exists "operators read" on public.report_jobs;
create policy "operators read" on public.report_jobs for select to authenticated
  using ((select private.is_operator()));
-- Our own functions run as the owner of the table; everybody else's writes are guarded.
create or replace trigger guard_job before insert or update or delete on public.report_jobs
  for each row when (current_user <> 'postgres') execute function private.guard_job();
-- Before the row is locked, since guard_job() cancels under the locks of the user and the report.
create or replace trigger lock_owner before update or delete on public.report_jobs
  for each statement when (current_user in ('anon', 'authenticated')) execute function private.lock_owner();
create or replace trigger adopt_job after insert on public.report_jobs
  for each row when (current_user not in ('anon', 'authenticated', 'postgres')) execute function private.adopt_job();
