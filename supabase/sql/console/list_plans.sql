create or replace function public.list_plans(
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null,
  p_kinds text[] default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_rows jsonb;
begin
  perform private.require_operator();
  select jsonb_agg(private.plan_view(page) || jsonb_build_object('id', id::text) order by created_at desc, id desc) into v_rows
  from (
    select * from public.plans
    where (p_cursor_at is null or (created_at, id) < (p_cursor_at, p_cursor_id::int))
      and (p_kinds is null or kind = any (p_kinds))
    order by created_at desc, id desc limit p_limit + 1) page;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_plans(int, timestamptz, text, text[]) is
  'Operators'' plans and their progress, newest first. p_kinds: plans of these kinds alone.';
revoke all on function public.list_plans(int, timestamptz, text, text[]) from public, anon, authenticated, service_role;
grant execute on function public.list_plans(int, timestamptz, text, text[]) to authenticated;
