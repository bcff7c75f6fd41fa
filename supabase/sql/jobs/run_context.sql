create or replace function private.run_context(p_job private.job_runs)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  -- The prompt's limit for each (src/server/generation/prompt.ts), and one character more, which tells that the text was cut.
  c_previous_report constant int := 60001;
  c_summary constant int := 30001;
  v_report jsonb;
begin
  if p_job.report_type is not null then
    execute format(
      'select jsonb_build_object(''user_data'', private.bounded_intake(report.user_data),
         ''previous_report'', "left"(report.research_report, $3), ''summary'', "left"(summary.summary_content, $4))
       from public.%I report
       left join public.polaris_summaries summary
         on summary.id = coalesce($2, report.summary_id) and summary.user_id = report.user_id
       where report.id = $1', private.report_table(p_job.report_type))
    into v_report using p_job.report_id, p_job.summary_id, c_previous_report, c_summary;
  end if;
  return coalesce(v_report, '{"user_data": {}, "previous_report": null, "summary": null}')
    || jsonb_build_object(
      'job_id', p_job.job_id, 'lease_token', p_job.lease_token, 'report_type', p_job.report_type,
      'report_id', p_job.report_id, 'stage', p_job.stage, 'prompt', p_job.prompt, 'model', p_job.model,
      'temperature', p_job.temperature, 'max_tokens', p_job.max_tokens, 'take_overs', p_job.take_overs, 'trace_id', p_job.trace_id);
end
$$;

comment on function private.run_context(private.job_runs) is
  'The input of a runner for a job it holds. Long texts are cut to the limit of a prompt.';
revoke all on function private.run_context(private.job_runs) from public, anon, authenticated, service_role;
