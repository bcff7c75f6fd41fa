CREATE OR REPLACE FUNCTION private.as_object (
  p_value jsonb
)
  RETURNS jsonb
  LANGUAGE plpgsql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
begin
  return case when jsonb_typeof(p_value) = 'string' then (p_value #>> '{}')::jsonb else p_value end;
end $function$;

COMMENT ON FUNCTION "private"."as_object"(jsonb) IS 'Some REST layers hand a jsonb argument over as a JSON string: take both.';

REVOKE ALL ON FUNCTION "private"."as_object"(jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."as_object"(jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."as_object"(jsonb) TO "postgres";
