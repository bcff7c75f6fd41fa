CREATE OR REPLACE FUNCTION private.event_outranks (
  p_event public.report_events,
  p_other public.report_events
)
  RETURNS boolean
  LANGUAGE plpgsql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
begin
  return p_other.id is null
    or (p_event.stage = 'final', p_event.requested_at, p_event.id collate "C")
     > (p_other.stage = 'final', p_other.requested_at, p_other.id collate "C");
end $function$;

COMMENT ON FUNCTION "private"."event_outranks"(public.report_events, public.report_events) IS 'The one order of events: stage, then the time of the request, then the id.';

REVOKE ALL ON FUNCTION "private"."event_outranks"(public.report_events, public.report_events) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."event_outranks"(public.report_events, public.report_events) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."event_outranks"(public.report_events, public.report_events) TO "postgres";
