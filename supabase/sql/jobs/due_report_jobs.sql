-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.due_report_jobs(p_limit int)
returns setof text
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  -- The longest due jobs may be ones that no sweep can take over, because another transaction holds their reports. Half of
  -- the places are reserved for the others.
  select job_id
  from (select job_id, row_number() over (order by due_at, job_id) as place from private.due_jobs) due
  order by place > p_limit / 2, case when place <= p_limit / 2 then place else random() end
  limit p_limit
$$;

comment on function public.due_report_jobs(int) is
  'Jobs to be taken over or ended: half of p_limit are the longest due, the other half any of the rest.';
revoke all on function public.due_report_jobs(int) from public, anon, authenticated, service_role;
grant execute on function public.due_report_jobs(int) to service_role;
