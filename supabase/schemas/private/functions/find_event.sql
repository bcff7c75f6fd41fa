CREATE OR REPLACE FUNCTION private.find_event (
  p_event_id text,
  p_job_id   text
)
  RETURNS public.report_events
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_event public.report_events;
begin
  select * into v_event from public.report_events where id = p_event_id;
  if v_event.id is null and p_job_id is not null then
    select * into v_event from public.report_events where job_id = p_job_id;
  end if;
  return v_event;
end $function$;

COMMENT ON FUNCTION "private"."find_event"(text, text) IS 'The event with this id, else the one completion that the job has.';

REVOKE ALL ON FUNCTION "private"."find_event"(text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."find_event"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."find_event"(text, text) TO "postgres";
