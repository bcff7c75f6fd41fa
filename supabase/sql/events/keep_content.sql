create or replace function private.keep_content()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if tg_op = 'DELETE'
    and exists (select from public.report_events where id = old.event_id and erased_at is not null)
  then
    return old;
  end if;
  raise exception 'report_contents is append-only: a row can be deleted only after its event has erased_at' using errcode = 'PL001';
end
$$;

comment on function private.keep_content() is
  'Refuses every change of a content, and its deletion before its event has erased_at.';
revoke all on function private.keep_content() from public, anon, authenticated, service_role;
