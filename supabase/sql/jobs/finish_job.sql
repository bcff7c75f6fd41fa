create or replace function private.finish_job(p_event public.report_events)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  update private.job_runs
  set status = case p_event.status when 'completed' then 'succeeded' else 'failed' end,
    event_id = p_event.id, error = p_event.error, percent = case p_event.status when 'completed' then 100 else percent end,
    eta_seconds = null, completed_at = clock_timestamp(), updated_at = clock_timestamp(),
    lease_token = lease_token + 1, lease_expires_at = null
  where job_id = p_event.job_id;
  perform private.show_job(p_event.job_id);
end
$$;

comment on function private.finish_job(public.report_events) is
  'Ends a job with the event that was just recorded for it. The caller holds the job''s lock.';
revoke all on function private.finish_job(public.report_events) from public, anon, authenticated, service_role;
