-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.get_report_job(p_job_id text, p_caller text)
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select private.job_view(job) from private.job_for_caller(p_job_id, p_caller) job where job.job_id is not null
$$;

comment on function public.get_report_job(text, text) is
  'A job as GET answers it. Null: there is none that the caller may see.';
revoke all on function public.get_report_job(text, text) from public, anon, authenticated, service_role;
grant execute on function public.get_report_job(text, text) to service_role;
