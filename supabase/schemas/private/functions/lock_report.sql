CREATE OR REPLACE FUNCTION private.lock_report (
  p_report_type text,
  p_report_id   uuid
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_found boolean;
begin
  execute format('select true from public.%I where id = $1 for no key update', private.report_table(p_report_type))
  into v_found using p_report_id;
  return coalesce(v_found, false);
end $function$;

COMMENT ON FUNCTION "private"."lock_report"(text, uuid) IS 'Locks a report''s row. False: there is none.';

REVOKE ALL ON FUNCTION "private"."lock_report"(text, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."lock_report"(text, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."lock_report"(text, uuid) TO "postgres";
