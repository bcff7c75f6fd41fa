CREATE OR REPLACE FUNCTION private.record_owner_text (
  p_event_id     text,
  p_report_type  text,
  p_report_id    uuid,
  p_stage        text,
  p_requested_at timestamp with time zone,
  p_text         text,
  p_metadata     jsonb
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  insert into public.report_events (
    id, type, report_type, report_id, stage, requested_at, digest, research_report, research_metadata,
    channel, effect, applied_at)
  values (
    p_event_id, 'report.owner.edited', p_report_type, p_report_id, p_stage, p_requested_at,
    private.content_digest('report.owner.edited',
      jsonb_build_object('research_report', p_text, 'research_metadata', p_metadata)),
    p_text, p_metadata, 'owner', 'applied', clock_timestamp());
end $function$;

COMMENT ON FUNCTION "private"."record_owner_text"(text, text, uuid, text, timestamp with time zone, text, jsonb) IS 'Records a text that an owner wrote, as an applied event.';

REVOKE ALL ON FUNCTION "private"."record_owner_text"(text, text, uuid, text, timestamp WITH time zone, text, jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."record_owner_text"(text, text, uuid, text, timestamp WITH time zone, text, jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."record_owner_text"(text, text, uuid, text, timestamp WITH time zone, text, jsonb) TO "postgres";
