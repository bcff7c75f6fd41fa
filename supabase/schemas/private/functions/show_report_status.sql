CREATE OR REPLACE FUNCTION private.show_report_status (
  p_report_type text,
  p_report_id   uuid
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_status public.research_status := private.report_status(p_report_type, p_report_id);
begin
  execute format(
    'update public.%I set research_status = $1, updated_at = now() where id = $2 and research_status <> $1',
    private.report_table(p_report_type))
  using v_status, p_report_id;
end $function$;

COMMENT ON FUNCTION "private"."show_report_status"(text, uuid) IS 'Brings research_status of a report''s row up to date.';

REVOKE ALL ON FUNCTION "private"."show_report_status"(text, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."show_report_status"(text, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."show_report_status"(text, uuid) TO "postgres";
