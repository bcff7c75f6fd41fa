CREATE OR REPLACE FUNCTION private.keep_audit()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  if tg_op = 'DELETE' and private.is_retention() then
    return old;
  end if;
  raise exception 'webhook_audit is append-only' using errcode = 'PL001';
end $function$;

REVOKE ALL ON FUNCTION "private"."keep_audit"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."keep_audit"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."keep_audit"() TO "postgres";
