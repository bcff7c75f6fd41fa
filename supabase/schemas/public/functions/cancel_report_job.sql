CREATE OR REPLACE FUNCTION public.cancel_report_job (
  p_job_id text,
  p_caller text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_job public.report_jobs := private.job_for_caller(p_job_id, p_caller);
begin
  if v_job.id is null then
    return null;
  end if;
  perform private.lock_report(v_job.report_type, v_job.report_id) where v_job.report_type is not null;
  update public.report_jobs
  set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, eta_seconds = null,
    completed_at = now(), updated_at = now()
  where id = v_job.id and status in ('queued', 'running')
  returning * into v_job;
  if found and v_job.report_type is not null then
    perform private.show_report_status(v_job.report_type, v_job.report_id);
  end if;
  return private.job_view((select job from public.report_jobs job where job.job_id = p_job_id));
end $function$;

GRANT EXECUTE ON FUNCTION "public"."cancel_report_job"(text, text) TO "service_role";

COMMENT ON FUNCTION "public"."cancel_report_job"(text, text) IS 'Cancels a job that is not finished. Returns the job as it then stands; null if the caller may not see it.';

REVOKE ALL ON FUNCTION "public"."cancel_report_job"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."cancel_report_job"(text, text) TO "postgres";

REVOKE ALL ON FUNCTION "public"."cancel_report_job"(text, text) FROM PUBLIC, "anon", "authenticated";
