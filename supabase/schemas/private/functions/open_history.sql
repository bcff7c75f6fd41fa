CREATE OR REPLACE FUNCTION private.open_history()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  -- Someone else's events may carry this id: a report begins without history.
  if exists (select from public.report_events where report_id = new.id and report_type = tg_argv[0]) then
    raise exception 'this id was used before' using errcode = 'unique_violation';
  end if;
  if new.research_report is not null then
    perform private.record_owner_text(
      new.winner_event_id, tg_argv[0], new.id, new.stage, clock_timestamp(), new.research_report, new.research_metadata);
  end if;
  return null;
end $function$;

COMMENT ON FUNCTION "private"."open_history"() IS 'An owner''s new report: the text that it brings becomes the event that guard_owner_write() named.';

REVOKE ALL ON FUNCTION "private"."open_history"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."open_history"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."open_history"() TO "postgres";
