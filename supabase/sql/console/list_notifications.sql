create or replace function public.list_notifications(
  p_unread boolean default false, p_limit int default 50, p_before bigint default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_counted constant int := 100;
  v_rows jsonb;
  v_titles jsonb;
begin
  select jsonb_agg(to_jsonb(page) - 'user_id' order by page.id desc) into v_rows from (
    select * from public.report_notifications
    -- The same condition as in the row level security policy, repeated so that the index is used.
    where user_id = (select auth.uid()) and (not p_unread or read_at is null) and (p_before is null or id < p_before)
    order by id desc limit p_limit + 1) page;
  execute (
    select 'select jsonb_object_agg(id, title) from ('
      || string_agg(
        format('select id, private.title_of(user_data) as title from public.%I where id = any($1)', table_name), ' union all ')
      || ') reports'
    from public.report_types)
  into v_titles using array(select (row ->> 'report_id')::uuid from jsonb_array_elements(v_rows) row);
  return jsonb_build_object(
    'rows', (
      select coalesce(jsonb_agg(row || jsonb_build_object('title', v_titles -> (row ->> 'report_id')) order by place), '[]')
      from jsonb_array_elements(v_rows) with ordinality as given (row, place) where place <= p_limit),
    'next', case when jsonb_array_length(v_rows) > p_limit then v_rows -> (p_limit - 1) -> 'id' end,
    'unread', (
      select count(*) from (
        select from public.report_notifications
        where user_id = (select auth.uid()) and read_at is null limit c_counted) unread));
end
$$;

comment on function public.list_notifications(boolean, int, bigint) is
  'The caller''s notifications, newest first: {rows, next, unread}. Each row has the title of its report; null: the report has no name, or was deleted. `unread` is counted up to 100.';
revoke all on function public.list_notifications(boolean, int, bigint) from public, anon, authenticated, service_role;
grant execute on function public.list_notifications(boolean, int, bigint) to authenticated;
