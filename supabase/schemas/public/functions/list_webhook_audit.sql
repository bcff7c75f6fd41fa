CREATE OR REPLACE FUNCTION public.list_webhook_audit (
  p_search          text                     DEFAULT NULL::text,
  p_outcome         text                     DEFAULT NULL::text,
  p_direction       text                     DEFAULT NULL::text,
  p_response_status text                     DEFAULT NULL::text,
  p_after           timestamp with time zone DEFAULT NULL::timestamp WITH time zone,
  p_before          timestamp with time zone DEFAULT NULL::timestamp WITH time zone,
  p_limit           integer                  DEFAULT 50,
  p_cursor_at       timestamp with time zone DEFAULT NULL::timestamp WITH time zone,
  p_cursor_id       text                     DEFAULT NULL::text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_where text := concat_ws(' and ',
    'true',
    case
      when p_search ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then '(event_id = $1 or job_id = $1 or report_id = $1::uuid)'
      when p_search is not null then '(event_id = $1 or job_id = $1)'
    end,
    case when p_outcome is not null then 'outcome = $2' end,
    case when p_direction is not null then 'direction = $3' end,
    case when p_response_status = 'none' then 'response_status is null'
      when p_response_status is not null then 'response_status = $4::int' end,
    case when p_after is not null then 'created_at >= $5' end,
    case when p_before is not null then 'created_at < $6' end,
    case when p_cursor_at is not null then '(created_at, id) < ($8, $9::uuid)' end);
  v_rows jsonb;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.audit_rows where %s order by created_at desc, id desc limit $7 + 1) page', v_where)
  into v_rows
  using p_search, p_outcome, p_direction, p_response_status, p_after, p_before, p_limit, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, 'created_at');
end $function$;

GRANT EXECUTE
  ON FUNCTION "public"."list_webhook_audit"(text, text, text, text, timestamp WITH time zone, timestamp WITH time zone, integer, timestamp WITH time zone, text)
  TO "authenticated";

COMMENT ON FUNCTION "public"."list_webhook_audit"(text, text, text, text, timestamp with time zone, timestamp with time zone, integer, timestamp
  with time zone, text) IS 'The audit log, newest first. p_search is the id of a report, a job or an event, whole; p_response_status a number or
none.';

REVOKE ALL
  ON FUNCTION "public"."list_webhook_audit"(text, text, text, text, timestamp WITH time zone, timestamp WITH time zone, integer, timestamp WITH time zone, text)
  FROM "postgres";

GRANT EXECUTE
  ON FUNCTION "public"."list_webhook_audit"(text, text, text, text, timestamp WITH time zone, timestamp WITH time zone, integer, timestamp WITH time zone, text)
  TO "postgres";

REVOKE ALL
  ON FUNCTION "public"."list_webhook_audit"(text, text, text, text, timestamp WITH time zone, timestamp WITH time zone, integer, timestamp WITH time zone, text)
  FROM PUBLIC, "anon", "service_role";
