-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.verify_reports()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select found.* from public.report_types type
  cross join lateral private.verify_range(type.report_type, null, null) found
  union all
  select found.* from private.verify_jobs(null, null) found
  union all
  select found.* from private.verify_rest() found
$$;

comment on function public.verify_reports() is
  'Every row that breaks an invariant, with its problem. No row: all invariants hold.';
revoke all on function public.verify_reports() from public, anon, authenticated, service_role;
grant execute on function public.verify_reports() to service_role;
