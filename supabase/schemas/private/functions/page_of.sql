CREATE OR REPLACE FUNCTION private.page_of (
  p_rows  jsonb,
  p_limit integer,
  p_time  text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
begin
  return jsonb_build_object(
    'rows', coalesce(p_rows - p_limit, '[]'),
    'next', case when jsonb_array_length(p_rows) > p_limit then jsonb_build_object(
      'at', p_rows -> (p_limit - 1) -> p_time, 'id', p_rows -> (p_limit - 1) ->> 'id') end);
end $function$;

GRANT EXECUTE ON FUNCTION "private"."page_of"(jsonb, integer, text) TO "authenticated";

COMMENT ON FUNCTION "private"."page_of"(jsonb, integer, text) IS 'Of one row more than a page has: the page, and where the next begins. p_time names the column that orders it.';

REVOKE ALL ON FUNCTION "private"."page_of"(jsonb, integer, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."page_of"(jsonb, integer, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."page_of"(jsonb, integer, text) TO "postgres";
