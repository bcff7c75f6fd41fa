CREATE OR REPLACE FUNCTION public.list_open_deliveries (
  p_status      text                     DEFAULT NULL::text,
  p_report_type text                     DEFAULT NULL::text,
  p_stage       text                     DEFAULT NULL::text,
  p_dead_reason text                     DEFAULT NULL::text,
  p_error       text                     DEFAULT NULL::text,
  p_after       timestamp with time zone DEFAULT NULL::timestamp WITH time zone,
  p_before      timestamp with time zone DEFAULT NULL::timestamp WITH time zone,
  p_limit       integer                  DEFAULT 50,
  p_cursor_at   timestamp with time zone DEFAULT NULL::timestamp WITH time zone,
  p_cursor_id   text                     DEFAULT NULL::text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  c_counted constant int := 1000;
  v_time text := case p_status when 'dead' then 'dead_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    $q$status <> 'success'$q$,
    case when p_status = 'dead' then 'dead_at is not null' when p_status is not null then 'status = $1 and dead_at is null' end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_dead_reason is not null then 'dead_reason = $4' end,
    case when p_error is not null then 'strpos(lower(error), lower($5)) > 0' end,
    case when p_after is not null then v_time || ' >= $6' end,
    case when p_before is not null then v_time || ' < $7' end);
  v_rows jsonb;
  v_count int;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(to_jsonb(page) || jsonb_build_object(''id'', id::text) order by %1$s desc, id desc) from (
       select * from private.delivery_rows where %2$s %3$s order by %1$s desc, id desc limit $8 + 1) page',
    v_time, v_where,
    case when p_cursor_at is not null then format('and (%s, id) < ($9, $10::bigint)', v_time) end)
  into v_rows
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, p_limit, p_cursor_at, p_cursor_id;
  execute format('select count(*) from (select from private.delivery_rows where %s limit $8 + 1) counted', v_where)
  into v_count
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, c_counted;
  return private.page_of(v_rows, p_limit, v_time) || jsonb_build_object(
    'total', jsonb_build_object('count', least(v_count, c_counted), 'capped', v_count > c_counted));
end $function$;

GRANT EXECUTE
  ON FUNCTION "public"."list_open_deliveries"(text, text, text, text, text, timestamp WITH time zone, timestamp WITH time zone, integer, timestamp WITH time zone, text)
  TO "authenticated";

COMMENT ON FUNCTION "public"."list_open_deliveries"(text, text, text, text, text, timestamp with time zone, timestamp with time zone, integer, timestamp
  with time zone, text) IS 'Deliveries that have not succeeded, newest first: by created_at, or by dead_at where p_status is dead. Errors match as
redrive_deliveries() matches them.';

REVOKE ALL
  ON FUNCTION "public"."list_open_deliveries"(text, text, text, text, text, timestamp WITH time zone, timestamp WITH time zone, integer, timestamp WITH time zone, text)
  FROM "postgres";

GRANT EXECUTE
  ON FUNCTION "public"."list_open_deliveries"(text, text, text, text, text, timestamp WITH time zone, timestamp WITH time zone, integer, timestamp WITH time zone, text)
  TO "postgres";

REVOKE ALL
  ON FUNCTION "public"."list_open_deliveries"(text, text, text, text, text, timestamp WITH time zone, timestamp WITH time zone, integer, timestamp WITH time zone, text)
  FROM PUBLIC, "anon", "service_role";
