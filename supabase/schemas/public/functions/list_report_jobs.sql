CREATE OR REPLACE FUNCTION public.list_report_jobs (
  p_scope       text                     DEFAULT 'mine'::text,
  p_report_type text                     DEFAULT NULL::text,
  p_report_id   uuid                     DEFAULT NULL::uuid,
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
  v_where text := concat_ws(' and ',
    'true',
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_report_id is not null then 'report_id = $2 and report_type = $3' end,
    case when p_cursor_at is not null then '(created_at, id) < ($4, $5::uuid)' end);
  v_rows jsonb;
begin
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.job_rows where %s order by created_at desc, id desc limit $1 + 1) page', v_where)
  into v_rows using p_limit, p_report_id, p_report_type, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, 'created_at');
end $function$;

GRANT EXECUTE ON FUNCTION "public"."list_report_jobs"(text, text, uuid, integer, timestamp WITH time zone, text) TO "authenticated";

COMMENT ON FUNCTION "public"."list_report_jobs"(text, text, uuid, integer, timestamp with time zone, text) IS 'Jobs without prompt and result, newest first: one''s own (mine), or all that the caller may see (all).';

REVOKE ALL ON FUNCTION "public"."list_report_jobs"(text, text, uuid, integer, timestamp WITH time zone, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."list_report_jobs"(text, text, uuid, integer, timestamp WITH time zone, text) TO "postgres";

REVOKE ALL ON FUNCTION "public"."list_report_jobs"(text, text, uuid, integer, timestamp WITH time zone, text) FROM PUBLIC, "anon", "service_role";
