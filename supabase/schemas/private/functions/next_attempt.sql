CREATE OR REPLACE FUNCTION private.next_attempt (
  p_rounds              integer,
  p_retry_after_seconds integer
)
  RETURNS timestamp WITH time zone
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  select case when p_rounds <= 6 then now() + greatest(
    (array[interval '30 seconds', '2 minutes', '10 minutes', '1 hour', '6 hours', '24 hours'])[p_rounds]
      -- Deliveries that failed together must not come back together.
      * (0.8 + 0.4 * random()),
    make_interval(secs => least(coalesce(p_retry_after_seconds, 0), 3600))) end
$function$;

COMMENT ON FUNCTION "private"."next_attempt"(integer, integer) IS 'The durable schedule: when the slot after p_rounds failed rounds is due. Null: there is none left.';

REVOKE ALL ON FUNCTION "private"."next_attempt"(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."next_attempt"(integer, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."next_attempt"(integer, integer) TO "postgres";
