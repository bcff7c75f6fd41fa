create or replace function private.refuse_first_version(p_channel text)
returns void
language plpgsql stable set search_path = '' as $$
begin
  -- The request's role; the SQL editor has none.
  if p_channel = 'platform'
    and exists (select from private.first_version where closed_at is not null)
    and coalesce(current_setting('role', true), 'none') not in ('none', 'postgres')
  then
    raise exception 'results can be written only through the webhooks' using errcode = 'PL006',
      hint = 'select private.open_first_version() lets the platform''s first functions write again.';
  end if;
end
$$;

comment on function private.refuse_first_version(text) is
  'Refuses results that the platform''s servers write, once close_first_version() was called.';
revoke all on function private.refuse_first_version(text) from public, anon, authenticated, service_role;
