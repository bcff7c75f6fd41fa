CREATE OR REPLACE FUNCTION private.keep_audit()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  raise exception 'webhook_audit is append-only' using errcode = 'PL001';
end $function$;

REVOKE ALL ON FUNCTION "private"."keep_audit"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."keep_audit"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."keep_audit"() TO "postgres";
