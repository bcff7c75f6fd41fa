CREATE OR REPLACE FUNCTION private.content_digest (
  p_type text,
  p_data jsonb
)
  RETURNS text
  LANGUAGE plpgsql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
begin
  -- jsonb's own text is canonical: one order of keys, one spelling of every value.
  return encode(sha256(convert_to(jsonb_build_object(
    'type', p_type, 'data', private.without_nulls(p_data - 'requested_at'))::text, 'UTF8')), 'hex');
end $function$;

COMMENT ON FUNCTION "private"."content_digest"(text, jsonb) IS 'SHA-256, in hexadecimal, of an event''s content: its type and its data without times.';

REVOKE ALL ON FUNCTION "private"."content_digest"(text, jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."content_digest"(text, jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."content_digest"(text, jsonb) TO "postgres";
