CREATE OR REPLACE FUNCTION private.is_retention()
  RETURNS boolean
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select coalesce(current_setting('polaris.retention', true), '') = 'on'
$function$;

COMMENT ON FUNCTION "private"."is_retention"() IS 'Whether prune_expired() is at work in this transaction.';

REVOKE ALL ON FUNCTION "private"."is_retention"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."is_retention"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."is_retention"() TO "postgres";
