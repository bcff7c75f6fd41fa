CREATE OR REPLACE FUNCTION public.request_report_job (
  p_request         jsonb,
  p_caller          text,
  p_idempotency_key text,
  p_lease_seconds   integer,
  p_quota           integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_request jsonb := private.as_object(p_request);
  v_digest text := encode(sha256(convert_to(v_request::text, 'UTF8')), 'hex');
  v_report_type text := v_request ->> 'report_type';
  v_report_id uuid := (v_request ->> 'report_id')::uuid;
  v_owner uuid;
  v_stage text;
  v_job public.report_jobs;
begin
  select * into v_job from public.report_jobs where caller = p_caller and caller_key = p_idempotency_key;
  if v_job.id is null then
    execute format(
      'select user_id, stage from public.%I where id = $1 for no key update', private.report_table(v_report_type))
    into v_owner, v_stage using v_report_id;
    if v_owner is null or (p_caller <> 'pipeline' and v_owner::text <> p_caller) then
      return '{"outcome": "report_not_found"}';
    elsif v_request ->> 'stage' = 'prelim' and v_stage = 'final' then
      return '{"outcome": "final_exists"}';
    end if;
    if p_caller <> 'pipeline' then
      -- One at a time for each user, or simultaneous requests would all count the same unfinished jobs.
      perform pg_advisory_xact_lock(hashtextextended('quota ' || p_caller, 0));
      if (select count(*) from public.report_jobs where caller = p_caller and status in ('queued', 'running')) >= p_quota
        and not exists (select from public.report_jobs where caller = p_caller and caller_key = p_idempotency_key)
      then
        return '{"outcome": "quota_exceeded"}';
      end if;
    end if;

    insert into public.report_jobs (
      job_id, user_id, summary_id, status, model, prompt, temperature, max_tokens, percent, metadata,
      report_type, report_id, stage, caller, caller_key, request_digest, generate, lease_token, lease_expires_at)
    values (
      'job_' || replace(gen_random_uuid()::text, '-', ''), v_owner,
      (select id from public.polaris_summaries
        where id = (v_request ->> 'summary_id')::uuid and user_id = v_owner),
      'queued', v_request ->> 'model', v_request ->> 'prompt',
      (v_request ->> 'temperature')::numeric, (v_request ->> 'max_tokens')::int, 0,
      coalesce(nullif(v_request -> 'metadata', 'null'), '{}')
        || jsonb_build_object('report_type', v_report_type, 'report_id', v_report_id),
      v_report_type, v_report_id, v_request ->> 'stage', p_caller, p_idempotency_key, v_digest,
      (v_request ->> 'generate')::boolean, 1,
      case when (v_request ->> 'generate')::boolean then now() + make_interval(secs => p_lease_seconds) end)
    on conflict (caller, caller_key) where caller_key is not null do nothing
    returning * into v_job;
    if v_job.id is not null then
      perform private.show_report_status(v_report_type, v_report_id);
      return jsonb_build_object('outcome', 'created', 'job', private.job_view(v_job))
        || case when v_job.generate then jsonb_build_object('run', private.job_run(v_job)) else '{}' end;
    end if;
    select * into v_job from public.report_jobs where caller = p_caller and caller_key = p_idempotency_key;
  end if;
  if v_job.request_digest <> v_digest then
    return '{"outcome": "idempotency_conflict"}';
  end if;
  return jsonb_build_object('outcome', 'existing', 'job', private.job_view(v_job));
end $function$;

GRANT EXECUTE ON FUNCTION "public"."request_report_job"(jsonb, text, text, integer, integer) TO "service_role";

COMMENT ON FUNCTION "public"."request_report_job"(jsonb, text, text, integer, integer) IS 'Creates a job under its creator''s lease, or answers the one that this caller''s key has made already.';

REVOKE ALL ON FUNCTION "public"."request_report_job"(jsonb, text, text, integer, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."request_report_job"(jsonb, text, text, integer, integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."request_report_job"(jsonb, text, text, integer, integer) FROM PUBLIC, "anon", "authenticated";
