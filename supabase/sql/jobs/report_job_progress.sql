-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.report_job_progress(
  p_job_id text, p_lease_token bigint, p_percent int, p_lease_seconds int, p_eta_seconds int default null)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs;
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.status = 'queued' and v_job.report_type is not null
    and private.lock_report(v_job.report_type, v_job.report_id) is null
  then
    return false;
  end if;
  update private.job_runs
  set status = 'running', percent = greatest(percent, p_percent), eta_seconds = p_eta_seconds,
    started_at = coalesce(started_at, now()), updated_at = now(),
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where job_id = p_job_id and lease_token = p_lease_token and status in ('queued', 'running');
  if not found then
    return false;
  end if;
  perform private.show_job(p_job_id);
  if v_job.status = 'queued' and v_job.report_type is not null then
    perform private.show_report_status(v_job.report_type, v_job.report_id);
  end if;
  return true;
end
$$;

comment on function public.report_job_progress(text, bigint, int, int, int) is
  'Records how far a running job is, and renews its lease. False: the job is no longer this runner''s, which must stop.';
revoke all on function public.report_job_progress(text, bigint, int, int, int) from public, anon, authenticated, service_role;
grant execute on function public.report_job_progress(text, bigint, int, int, int) to service_role;
