CREATE OR REPLACE FUNCTION public.list_reports (
  p_scope       text                     DEFAULT 'mine'::text,
  p_report_type text                     DEFAULT NULL::text,
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
    -- Who is no operator sees nobody else's anyway, and finds their own by index.
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_cursor_at is not null then '(created_at, id) < ($2, $3::uuid)' end);
  v_query text := (
    select string_agg(format(
      '(select id, %L as report_type, user_id, coalesce(user_data ->> ''full_name'', user_data ->> ''requirement_title'',
          user_data ->> ''organisation_name'') as title, stage, research_status, webhook_status, webhook_attempts,
          webhook_last_attempt, webhook_job_id, created_at, updated_at
        from public.%I where %s order by created_at desc, id desc limit $1 + 1)',
      report_type, table_name, v_where), ' union all ')
    from public.report_types where p_report_type is null or report_type = p_report_type);
  v_rows jsonb;
begin
  if v_query is not null then
    execute format(
      'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
         select * from (%s) every order by created_at desc, id desc limit $1 + 1) page', v_query)
    into v_rows using p_limit, p_cursor_at, p_cursor_id;
  end if;
  return private.page_of(v_rows, p_limit, 'created_at');
end $function$;

GRANT EXECUTE ON FUNCTION "public"."list_reports"(text, text, integer, timestamp WITH time zone, text) TO "authenticated";

COMMENT ON FUNCTION "public"."list_reports"(text, text, integer, timestamp with time zone, text) IS 'Reports without their content, newest first: one''s own (mine), or all that the caller may see (all).';

REVOKE ALL ON FUNCTION "public"."list_reports"(text, text, integer, timestamp WITH time zone, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."list_reports"(text, text, integer, timestamp WITH time zone, text) TO "postgres";

REVOKE ALL ON FUNCTION "public"."list_reports"(text, text, integer, timestamp WITH time zone, text) FROM PUBLIC, "anon", "service_role";
