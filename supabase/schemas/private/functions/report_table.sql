CREATE OR REPLACE FUNCTION private.report_table (
  p_report_type text
)
  RETURNS text
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
begin
  return (select table_name from public.report_types where report_type = p_report_type);
end $function$;

REVOKE ALL ON FUNCTION "private"."report_table"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."report_table"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."report_table"(text) TO "postgres";
