CREATE OR REPLACE FUNCTION public.report_job_progress (
  p_job_id        text,
  p_lease_token   bigint,
  p_percent       integer,
  p_eta_seconds   integer,
  p_lease_seconds integer
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_job public.report_jobs;
begin
  select * into v_job from public.report_jobs where job_id = p_job_id;
  if v_job.status = 'queued' and not private.lock_report(v_job.report_type, v_job.report_id) then
    return false;
  end if;
  update public.report_jobs
  set status = 'running', percent = greatest(percent, p_percent), eta_seconds = p_eta_seconds,
    started_at = coalesce(started_at, now()), updated_at = now(),
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where job_id = p_job_id and lease_token = p_lease_token and status in ('queued', 'running');
  if not found then
    return false;
  end if;
  if v_job.status = 'queued' then
    perform private.show_report_status(v_job.report_type, v_job.report_id);
  end if;
  return true;
end $function$;

GRANT EXECUTE ON FUNCTION "public"."report_job_progress"(text, bigint, integer, integer, integer) TO "service_role";

COMMENT ON FUNCTION "public"."report_job_progress"(text, bigint, integer, integer, integer) IS 'Tells how far a running job is, and renews its lease. False: the job is no longer this runner''s, which must stop.';

REVOKE ALL ON FUNCTION "public"."report_job_progress"(text, bigint, integer, integer, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."report_job_progress"(text, bigint, integer, integer, integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."report_job_progress"(text, bigint, integer, integer, integer) FROM PUBLIC, "anon", "authenticated";
