CREATE OR REPLACE FUNCTION private.insert_event (
  p_envelope     jsonb,
  p_requested_at timestamp with time zone
)
  RETURNS public.report_events
  LANGUAGE sql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest,
    research_report, research_metadata, final_data, error)
  select
    p_envelope ->> 'id', p_envelope ->> 'type', data ->> 'report_type', (data ->> 'report_id')::uuid,
    split_part(p_envelope ->> 'type', '.', 2), data ->> 'job_id', p_requested_at,
    private.content_digest(p_envelope ->> 'type', data),
    data ->> 'research_report', nullif(data -> 'research_metadata', 'null'), nullif(data -> 'final_data', 'null'),
    data ->> 'error'
  from (select p_envelope -> 'data' as data) envelope
  on conflict do nothing
  returning *
$function$;

COMMENT ON FUNCTION "private"."insert_event"(jsonb, timestamp with time zone) IS 'Records an event. Null: its id or its job has one already.';

REVOKE ALL ON FUNCTION "private"."insert_event"(jsonb, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."insert_event"(jsonb, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."insert_event"(jsonb, timestamp WITH time zone) TO "postgres";
