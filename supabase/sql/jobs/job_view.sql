create or replace function private.job_view(p_job private.job_runs)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'job_id', p_job.job_id,
      'report_type', p_job.report_type,
      'report_id', p_job.report_id,
      'stage', p_job.stage,
      'status', p_job.status,
      'percent', p_job.percent,
      'eta_seconds', p_job.eta_seconds,
      'result', coalesce(content.research_report, p_job.result),
      'error', p_job.error,
      'webhook', jsonb_build_object(
        'status', delivery.status,
        'attempts', coalesce(delivery.attempts, 0),
        'last_attempt', delivery.last_attempt))
    from (select 1) always
    left join private.report_contents content on content.event_id = p_job.event_id
    left join public.webhook_deliveries delivery
      on delivery.event_id = p_job.event_id and delivery.endpoint_id = private.internal_endpoint(p_job.stage)
        and delivery.plan = 0);
end
$$;

comment on function private.job_view(private.job_runs) is
  'A job as GET answers it.';
revoke all on function private.job_view(private.job_runs) from public, anon, authenticated, service_role;
