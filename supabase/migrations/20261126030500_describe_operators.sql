-- Why: operators erase accounts too. A migration of its own, so that it holds no other table.



-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/operators.sql
comment on table public.operators is 'Who may watch, retry, redrive, cancel jobs, run them again and erase accounts. Deleting a row revokes at once.';
alter table public.operators enable row level security;
revoke all on table public.operators from anon, authenticated, service_role;
grant select on table public.operators to authenticated;
drop policy if exists "people see themselves" on public.operators;
create policy "people see themselves" on public.operators for select to authenticated
  using (user_id = (select auth.uid()));
