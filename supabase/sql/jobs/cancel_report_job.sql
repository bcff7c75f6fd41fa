-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.cancel_report_job(p_job_id text, p_caller text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs := private.job_for_caller(p_job_id, p_caller);
  v_by_operator boolean := false;
  v_status_before text;
begin
  if v_job.job_id is null and private.names_operator(p_caller) then
    select * into v_job from private.job_runs where job_id = p_job_id;
    v_by_operator := true;
  end if;
  if v_job.job_id is null then
    return null;
  end if;
  v_status_before := v_job.status;
  v_job := private.cancel_job(p_job_id);
  perform private.show_job(p_job_id);
  -- A repeated call finds it cancelled.
  if v_by_operator and v_status_before <> 'cancelled' then
    perform private.add_audit(
      p_direction => 'in', p_outcome => case v_job.status when 'cancelled' then 'cancelled' else 'job_finished' end,
      p_job_id => p_job_id, p_report_type => v_job.report_type, p_report_id => v_job.report_id, p_actor => p_caller,
      p_payload => jsonb_build_object('endpoint', 'jobs', 'method', 'DELETE', 'status_before', v_status_before));
  end if;
  return private.job_view(v_job);
end
$$;

comment on function public.cancel_report_job(text, text) is
  'Cancels a job that is not finished: of the caller, or of anybody where the caller is the pipeline or an operator, which is audited. Returns the job as it then stands. Null: there is none that the caller may cancel.';
revoke all on function public.cancel_report_job(text, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_report_job(text, text) to service_role;
