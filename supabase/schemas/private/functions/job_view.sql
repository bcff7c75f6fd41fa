CREATE OR REPLACE FUNCTION private.job_view (
  p_job public.report_jobs
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select jsonb_build_object(
    'job_id', p_job.job_id,
    'report_type', p_job.report_type,
    'report_id', p_job.report_id,
    'stage', p_job.stage,
    'status', p_job.status,
    'percent', coalesce(p_job.percent, 0),
    'eta_seconds', p_job.eta_seconds,
    'result', coalesce(event.research_report, p_job.result),
    'error', p_job.error,
    'webhook', jsonb_build_object(
      'status', delivery.status,
      'attempts', coalesce(delivery.attempts, 0),
      'last_attempt', delivery.last_attempt))
  from (select 1) always
  left join public.report_events event on event.id = p_job.event_id
  left join public.webhook_deliveries delivery on delivery.event_id = p_job.event_id
$function$;

COMMENT ON FUNCTION "private"."job_view"(public.report_jobs) IS 'A job as GET answers it.';

REVOKE ALL ON FUNCTION "private"."job_view"(public.report_jobs) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."job_view"(public.report_jobs) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."job_view"(public.report_jobs) TO "postgres";
