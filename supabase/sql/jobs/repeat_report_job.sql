-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.repeat_report_job(
  p_job_id text, p_repeated_job_id text, p_caller text, p_lease_seconds int, p_quota int, p_reportless boolean default true,
  p_models text[] default null, p_user_budget int default null, p_project_budget int default null,
  p_trace_id text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs := private.job_for_caller(p_repeated_job_id, p_caller);
  v_by_operator boolean := false;
  v_running private.job_runs;
  v_answer jsonb;
begin
  if v_job.job_id is null and private.names_operator(p_caller) then
    select * into v_job from private.job_runs where job_id = p_repeated_job_id;
    v_by_operator := true;
  end if;
  if v_job.job_id is null then
    return '{"outcome": "job_not_found"}';
  elsif v_job.erased_at is not null or v_job.prompt is null then
    return '{"outcome": "job_not_repeatable", "reason": "erased"}';
  elsif not v_job.generate then
    -- The external generator would not know of the new job.
    return '{"outcome": "job_not_repeatable", "reason": "elsewhere"}';
  elsif v_job.status in ('queued', 'running') and v_job.job_id <> p_job_id then
    return '{"outcome": "job_not_repeatable", "reason": "unfinished"}';
  elsif v_job.report_id is null and not p_reportless then
    return '{"outcome": "report_required"}';
  end if;
  select * into v_running from private.job_runs
  where report_id = v_job.report_id and report_type = v_job.report_type and stage = v_job.stage
    and status in ('queued', 'running') and job_id <> p_job_id
  order by created_at desc, job_id desc limit 1;
  -- Since the repeated job, the report may have been given to another user, whose job this is.
  if v_running.job_id is not null and (v_by_operator or (private.job_for_caller(v_running.job_id, p_caller)).job_id is not null) then
    return jsonb_build_object('outcome', 'existing', 'job', private.job_view(v_running));
  end if;
  v_answer := public.request_report_job(
    p_job_id => p_job_id,
    -- An operator may repeat jobs of every report, without using the owner's quota. A result without a report belongs to its
    -- original caller.
    p_caller => case when not v_by_operator then p_caller when v_job.report_id is null then v_job.caller else 'pipeline' end,
    p_prompt => v_job.prompt, p_generate => true, p_lease_seconds => p_lease_seconds, p_quota => p_quota,
    p_report_type => v_job.report_type, p_report_id => v_job.report_id, p_stage => v_job.stage,
    p_once_per_report => v_job.report_id is not null, p_model => v_job.model, p_temperature => v_job.temperature,
    p_max_tokens => v_job.max_tokens, p_summary_id => v_job.summary_id, p_metadata => v_job.metadata::text,
    p_models => p_models, p_user_budget => p_user_budget, p_project_budget => p_project_budget, p_trace_id => p_trace_id);
  if v_by_operator then
    perform private.add_audit(
      -- The same for a repeated call.
      p_id => md5('repeated as ' || p_job_id)::uuid, p_direction => 'in', p_outcome => case v_answer ->> 'outcome' when 'created' then 'job_repeated' else v_answer ->> 'outcome' end,
      p_job_id => v_job.job_id, p_report_type => v_job.report_type, p_report_id => v_job.report_id, p_actor => p_caller,
      p_payload => jsonb_build_object('endpoint', 'jobs', 'method', 'POST', 'new_job_id', v_answer -> 'job' -> 'job_id'));
  end if;
  return v_answer;
end
$$;

comment on function public.repeat_report_job(text, text, text, int, int, boolean, text[], int, int, text) is
  'Requests a new job, p_job_id, with the request of one that has finished: by its owner, the pipeline, or an operator, which is audited. While its report has an unfinished job of that stage, that job is answered. p_reportless: whether jobs without a report may be requested. The other parameters and the answer are those of request_report_job(); and job_not_found, job_not_repeatable with a reason (erased, elsewhere, unfinished), report_required.';
revoke all on function public.repeat_report_job(text, text, text, int, int, boolean, text[], int, int, text) from public, anon, authenticated, service_role;
grant execute on function public.repeat_report_job(text, text, text, int, int, boolean, text[], int, int, text) to service_role;
