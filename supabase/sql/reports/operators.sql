comment on table public.operators is 'Who may read everything, retry and redrive deliveries, cancel jobs and run them again, change subscribers, send replays, silence alerts and erase accounts. Deleting a row revokes at once.';
alter table public.operators enable row level security;
revoke all on table public.operators from anon, authenticated, service_role;
grant select on table public.operators to authenticated;
drop policy if exists "people see themselves" on public.operators;
create policy "people see themselves" on public.operators for select to authenticated
  using (user_id = (select auth.uid()));
