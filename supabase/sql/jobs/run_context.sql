create or replace function private.run_context(p_job private.job_runs)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_report jsonb;
begin
  if p_job.report_type is not null then
    execute format(
      'select jsonb_build_object(''user_data'', report.user_data, ''previous_report'', report.research_report,
         ''summary'', summary.summary_content)
       from public.%I report
       left join public.polaris_summaries summary
         on summary.id = coalesce($2, report.summary_id) and summary.user_id = report.user_id
       where report.id = $1', private.report_table(p_job.report_type))
    into v_report using p_job.report_id, p_job.summary_id;
  end if;
  return coalesce(v_report, '{"user_data": {}, "previous_report": null, "summary": null}')
    || jsonb_build_object(
      'job_id', p_job.job_id, 'lease_token', p_job.lease_token, 'report_type', p_job.report_type,
      'report_id', p_job.report_id, 'stage', p_job.stage, 'prompt', p_job.prompt, 'model', p_job.model,
      'temperature', p_job.temperature, 'max_tokens', p_job.max_tokens, 'take_overs', p_job.take_overs);
end
$$;

comment on function private.run_context(private.job_runs) is
  'What a runner needs to generate the result of a job it holds.';
revoke all on function private.run_context(private.job_runs) from public, anon, authenticated, service_role;
