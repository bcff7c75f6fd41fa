CREATE OR REPLACE FUNCTION private.require_operator()
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
begin
  if not private.is_operator() then
    -- Row level security would show them nothing, which looks like a system at rest.
    raise exception 'operators only' using errcode = 'insufficient_privilege';
  end if;
end $function$;

GRANT EXECUTE ON FUNCTION "private"."require_operator"() TO "authenticated";

COMMENT ON FUNCTION "private"."require_operator"() IS 'Refuses everybody else, with 42501.';

REVOKE ALL ON FUNCTION "private"."require_operator"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."require_operator"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."require_operator"() TO "postgres";
