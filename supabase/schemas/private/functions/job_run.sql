CREATE OR REPLACE FUNCTION private.job_run (
  p_job public.report_jobs
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_run jsonb;
begin
  execute format(
    'select jsonb_build_object(''user_data'', report.user_data, ''previous_report'', report.research_report,
       ''summary'', summary.summary_content)
     from public.%I report
     left join public.polaris_summaries summary
       on summary.id = coalesce($2, report.summary_id) and summary.user_id = report.user_id
     where report.id = $1', private.report_table(p_job.report_type))
  into v_run using p_job.report_id, p_job.summary_id;
  return coalesce(v_run, '{"user_data": {}, "previous_report": null, "summary": null}')
    || jsonb_build_object(
      'job_id', p_job.job_id, 'lease_token', p_job.lease_token, 'report_type', p_job.report_type,
      'report_id', p_job.report_id, 'stage', p_job.stage, 'prompt', p_job.prompt, 'model', p_job.model,
      'temperature', p_job.temperature, 'max_tokens', p_job.max_tokens, 'take_overs', p_job.take_overs);
end $function$;

COMMENT ON FUNCTION "private"."job_run"(public.report_jobs) IS 'What a runner needs to generate the result of a job it holds.';

REVOKE ALL ON FUNCTION "private"."job_run"(public.report_jobs) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."job_run"(public.report_jobs) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."job_run"(public.report_jobs) TO "postgres";
