CREATE OR REPLACE FUNCTION public.is_operator (
  p_user_id uuid
)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  select exists (select from public.operators where user_id = p_user_id)
$function$;

GRANT EXECUTE ON FUNCTION "public"."is_operator"(uuid) TO "service_role";

COMMENT ON FUNCTION "public"."is_operator"(uuid) IS 'Whether this person is an operator now: endpoints ask, for callers they know.';

REVOKE ALL ON FUNCTION "public"."is_operator"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."is_operator"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "public"."is_operator"(uuid) FROM PUBLIC, "anon", "authenticated";
