CREATE OR REPLACE FUNCTION private.is_operator()
  RETURNS boolean
  LANGUAGE sql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  select exists (select from public.operators where user_id = (select auth.uid()))
$function$;

GRANT EXECUTE ON FUNCTION "private"."is_operator"() TO "authenticated";

COMMENT ON FUNCTION "private"."is_operator"() IS 'Whether the signed-in person is an operator. Definer rights: nobody may read the table of operators itself.';

REVOKE ALL ON FUNCTION "private"."is_operator"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."is_operator"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."is_operator"() TO "postgres";
