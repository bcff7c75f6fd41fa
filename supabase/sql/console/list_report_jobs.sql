create or replace function public.list_report_jobs(
  p_scope text default 'mine', p_report_type text default null, p_report_id uuid default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_report_id is not null then 'report_id = $2 and report_type = $3' end,
    case when p_cursor_at is not null then '(created_at, id) < ($4, $5)' end);
  v_rows jsonb;
begin
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.job_rows where %s order by created_at desc, id desc limit $1 + 1) page', v_where)
  into v_rows using p_limit, p_report_id, p_report_type, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) is
  'Jobs without prompt and result, newest first: one''s own (mine), or all that the caller may see (all).';
revoke all on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) to authenticated;
