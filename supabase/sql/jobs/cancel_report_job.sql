-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.cancel_report_job(p_job_id text, p_caller text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs := private.job_for_caller(p_job_id, p_caller);
begin
  if v_job.job_id is null then
    return null;
  end if;
  v_job := private.cancel_job(p_job_id);
  perform private.show_job(p_job_id);
  return private.job_view(v_job);
end
$$;

comment on function public.cancel_report_job(text, text) is
  'Cancels a job that is not finished. Returns the job as it then stands. Null: there is none that the caller may see.';
revoke all on function public.cancel_report_job(text, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_report_job(text, text) to service_role;
