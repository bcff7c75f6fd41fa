-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.due_report_jobs(p_limit int)
returns setof text
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select job_id from private.due_jobs order by due_at limit p_limit
$$;

comment on function public.due_report_jobs(int) is
  'Jobs to be taken over or given up, longest due first.';
revoke all on function public.due_report_jobs(int) from public, anon, authenticated, service_role;
grant execute on function public.due_report_jobs(int) to service_role;
