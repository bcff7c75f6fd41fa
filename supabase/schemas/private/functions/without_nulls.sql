CREATE OR REPLACE FUNCTION private.without_nulls (
  p_object jsonb
)
  RETURNS jsonb
  LANGUAGE sql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
  select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_object) where value <> 'null'
$function$;

COMMENT ON FUNCTION "private"."without_nulls"(jsonb) IS 'The object without members that are null: a null says no more than nothing.';

REVOKE ALL ON FUNCTION "private"."without_nulls"(jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."without_nulls"(jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."without_nulls"(jsonb) TO "postgres";
