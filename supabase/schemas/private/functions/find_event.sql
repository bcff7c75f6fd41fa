CREATE OR REPLACE FUNCTION private.find_event (
  p_event_id text,
  p_job_id   text
)
  RETURNS public.report_events
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select event from public.report_events event
  where event.id = p_event_id or event.job_id = p_job_id
  order by event.id = p_event_id desc
  limit 1
$function$;

COMMENT ON FUNCTION "private"."find_event"(text, text) IS 'The event with this id, else the one completion that the job has.';

REVOKE ALL ON FUNCTION "private"."find_event"(text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."find_event"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."find_event"(text, text) TO "postgres";
