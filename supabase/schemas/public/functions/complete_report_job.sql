CREATE OR REPLACE FUNCTION public.complete_report_job (
  p_job_id                 text,
  p_lease_token            bigint,
  p_result                 jsonb,
  p_delivery_lease_seconds integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_result jsonb := private.as_object(p_result);
  v_job public.report_jobs;
  v_envelope jsonb;
  v_event public.report_events;
  v_registered record;
  v_delivery public.webhook_deliveries;
  v_outcome text := 'completed';
begin
  select * into v_job from public.report_jobs where job_id = p_job_id;
  if v_job.id is null then
    return '{"outcome": "job_not_found"}';
  elsif v_job.report_type is null or not private.lock_report(v_job.report_type, v_job.report_id) then
    return '{"outcome": "report_not_found"}';
  end if;
  select * into v_job from public.report_jobs where job_id = p_job_id for no key update;

  v_envelope := jsonb_build_object(
    'id', 'evt_' || replace(gen_random_uuid()::text, '-', ''),
    'type', format('report.%s.%s', v_job.stage, v_result ->> 'status'),
    'data', private.without_nulls(jsonb_build_object(
      'job_id', v_job.job_id, 'report_id', v_job.report_id, 'report_type', v_job.report_type,
      'research_report', v_result -> 'research_report', 'research_status', v_result -> 'status',
      'research_metadata', v_result -> 'research_metadata', 'final_data', v_result -> 'final_data',
      'error', v_result -> 'error')));
  if v_job.event_id is not null then
    select * into v_event from public.report_events where id = v_job.event_id;
    if v_event.digest <> private.content_digest(v_envelope ->> 'type', v_envelope -> 'data') then
      return '{"outcome": "job_conflict"}';
    end if;
    v_outcome := 'repeated';
    -- Completing raised the token by one: this is the same runner, whose first answer was lost. Nobody else sends yet.
    select * into v_delivery from public.webhook_deliveries
    where event_id = v_event.id and status = 'pending' and attempts = 0 and lease_token = 1
      and lease_expires_at > now() and p_lease_token = v_job.lease_token - 1;
    if v_delivery.id is null then
      return '{"outcome": "repeated"}';
    end if;
  elsif v_job.status = 'cancelled' then
    return '{"outcome": "job_cancelled"}';
  elsif p_lease_token is not null and p_lease_token <> v_job.lease_token then
    return '{"outcome": "lease_lost"}';
  else
    v_registered := private.register_event(v_envelope, false);
    if v_registered.problem is not null then
      return jsonb_build_object('outcome', v_registered.problem);
    end if;
    v_event := v_registered.event;
    perform private.show_report_status(v_job.report_type, v_job.report_id);
    insert into public.webhook_deliveries (
      event_id, webhook_type, report_type, report_id, job_id, lease_token, lease_expires_at)
    values (
      v_event.id, v_event.stage || '-report', v_event.report_type, v_event.report_id, v_event.job_id, 1,
      now() + make_interval(secs => p_delivery_lease_seconds))
    returning * into v_delivery;
    if exists (select from public.webhook_circuits
        where webhook_type = v_delivery.webhook_type and opened_at is not null)
      and not private.take_probe(
        v_delivery.webhook_type, v_delivery.id, v_delivery.lease_token, p_delivery_lease_seconds)
    then
      perform private.skip_delivery(v_delivery);
      return '{"outcome": "completed"}';
    end if;
  end if;
  return jsonb_build_object(
    'outcome', v_outcome,
    'delivery', jsonb_build_object(
      'delivery_id', v_delivery.id, 'delivery_token', v_delivery.lease_token, 'event_id', v_event.id,
      'webhook_type', v_delivery.webhook_type, 'type', v_event.type,
      -- Without the result, which its caller has: it would only travel back.
      'data', private.without_nulls(jsonb_build_object(
        'job_id', v_event.job_id, 'report_id', v_event.report_id, 'report_type', v_event.report_type,
        'research_status', v_event.status,
        'requested_at', to_char(v_event.requested_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))));
end $function$;

GRANT EXECUTE ON FUNCTION "public"."complete_report_job"(text, bigint, jsonb, integer) TO "service_role";

COMMENT ON FUNCTION "public"."complete_report_job"(text, bigint, jsonb, integer) IS 'Commits a job''s result, its event and its pending delivery in one transaction, before anything is sent. Returns
{outcome, delivery}; without a delivery there is nothing to send. Without a lease token whoever holds the lease loses it.';

REVOKE ALL ON FUNCTION "public"."complete_report_job"(text, bigint, jsonb, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."complete_report_job"(text, bigint, jsonb, integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."complete_report_job"(text, bigint, jsonb, integer) FROM PUBLIC, "anon", "authenticated";
