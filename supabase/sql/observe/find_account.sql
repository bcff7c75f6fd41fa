create or replace function private.find_account(p_user text)
returns uuid
language plpgsql stable set search_path = '' as $$
begin
  if p_user ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return p_user::uuid;
  end if;
  -- Auth stores addresses in lower case, and has an index for accounts without single sign-on. Accounts with single sign-on
  -- may share an address, so only an id identifies them.
  return (select id from auth.users where email = lower(btrim(p_user)) and is_sso_user = false);
end
$$;

comment on function private.find_account(text) is
  'The id of a user: p_user is that id, of an account or of a deleted one, or the whole e-mail address of an account. Null: no account has this address.';
revoke all on function private.find_account(text) from public, anon, authenticated, service_role;
