CREATE OR REPLACE FUNCTION private.outcome_status (
  p_outcome text
)
  RETURNS integer
  LANGUAGE plpgsql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
begin
  return case
    when p_outcome in ('applied', 'duplicate', 'superseded') then 200
    when p_outcome in ('report_not_found', 'job_not_found') then 404
    when p_outcome in ('event_conflict', 'job_conflict', 'job_mismatch', 'job_cancelled') then 409
    when p_outcome = 'requested_in_future' then 400
    when p_outcome = 'busy' then 503
  end;
end $function$;

COMMENT ON FUNCTION "private"."outcome_status"(text) IS 'The HTTP status that a webhook endpoint answers an outcome with.';

REVOKE ALL ON FUNCTION "private"."outcome_status"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."outcome_status"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."outcome_status"(text) TO "postgres";
