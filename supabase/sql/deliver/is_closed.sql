create or replace function private.is_closed(p_dead_reason text)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return p_dead_reason in ('report_deleted', 'content_erased', 'import', 'unsendable');
end
$$;

comment on function private.is_closed(text) is
  'Whether a dead letter of this reason is closed: no retry and no redrive could ever end in a success. Null: it is no dead letter.';
revoke all on function private.is_closed(text) from public, anon, authenticated, service_role;
grant execute on function private.is_closed(text) to authenticated;
