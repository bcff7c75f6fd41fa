create or replace function public.list_reports(
  p_scope text default 'mine', p_report_type text default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    -- Row level security hides other users' reports; this condition allows an index to find one's own.
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_cursor_at is not null then '(created_at, id) < ($2, $3::uuid)' end);
  v_query text := (
    select string_agg(format(
      '(select id, %L as report_type, user_id,
          private.title_of(user_data) as title,
          stage, research_status, webhook_status, webhook_attempts,
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
end
$$;

comment on function public.list_reports(text, text, int, timestamptz, text) is
  'Reports without their content, newest first: one''s own (mine), or all that the caller may see (all).';
revoke all on function public.list_reports(text, text, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_reports(text, text, int, timestamptz, text) to authenticated;
