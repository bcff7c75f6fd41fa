create or replace function private.note_table_sizes()
returns void
language plpgsql volatile set search_path = '' as $$
begin
  if exists (select from private.table_sizes where at > now() - interval '1 hour') then
    return;
  end if;
  insert into private.table_sizes (at, table_name, bytes, row_estimate)
  select now(), size.table_name, size.bytes, size.row_estimate from private.our_table_sizes() size;
  delete from private.table_sizes where at < now() - interval '8 days';
end
$$;

comment on function private.note_table_sizes() is
  'Notes once an hour how large our tables are.';
revoke all on function private.note_table_sizes() from public, anon, authenticated, service_role;
