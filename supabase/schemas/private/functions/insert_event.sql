CREATE OR REPLACE FUNCTION private.insert_event (
  p_envelope     jsonb,
  p_requested_at timestamp with time zone
)
  RETURNS public.report_events
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_data jsonb := p_envelope -> 'data';
  v_type text := p_envelope ->> 'type';
  v_event public.report_events;
begin
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest,
    research_report, research_metadata, final_data, error)
  values (
    p_envelope ->> 'id', v_type, v_data ->> 'report_type', (v_data ->> 'report_id')::uuid,
    split_part(v_type, '.', 2), v_data ->> 'job_id', p_requested_at,
    private.content_digest(v_type, v_data),
    v_data ->> 'research_report', nullif(v_data -> 'research_metadata', 'null'), nullif(v_data -> 'final_data', 'null'),
    v_data ->> 'error')
  on conflict do nothing
  returning * into v_event;
  return v_event;
end $function$;

COMMENT ON FUNCTION "private"."insert_event"(jsonb, timestamp with time zone) IS 'Records an event. Null: its id or its job has one already.';

REVOKE ALL ON FUNCTION "private"."insert_event"(jsonb, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."insert_event"(jsonb, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."insert_event"(jsonb, timestamp WITH time zone) TO "postgres";
