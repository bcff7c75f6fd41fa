CREATE OR REPLACE FUNCTION private.without_nulls (
  p_object jsonb
)
  RETURNS jsonb
  LANGUAGE plpgsql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
begin
  return (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_object) where value <> 'null');
end $function$;

COMMENT ON FUNCTION "private"."without_nulls"(jsonb) IS 'The object without members that are null: a null says no more than nothing.';

REVOKE ALL ON FUNCTION "private"."without_nulls"(jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."without_nulls"(jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."without_nulls"(jsonb) TO "postgres";
