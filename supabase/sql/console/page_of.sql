create or replace function private.page_of(p_rows jsonb, p_limit int, p_time text)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_build_object(
    'rows', coalesce(p_rows - p_limit, '[]'),
    'next', case when jsonb_array_length(p_rows) > p_limit then jsonb_build_object(
      'at', p_rows -> (p_limit - 1) -> p_time, 'id', p_rows -> (p_limit - 1) ->> 'id') end);
end
$$;

comment on function private.page_of(jsonb, int, text) is
  'Of one row more than a page has: the page, and where the next begins. p_time names the column that orders it.';
revoke all on function private.page_of(jsonb, int, text) from public, anon, authenticated, service_role;
grant execute on function private.page_of(jsonb, int, text) to authenticated;
