create or replace function private.has_account(p_user_id uuid)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  -- Auth can delete an account softly: it sets a time in the row and keeps everything that refers to the row.
  return exists (select from auth.users where id = p_user_id and deleted_at is null);
end
$$;

comment on function private.has_account(uuid) is
  'Whether the account of a user exists and is not deleted, softly or at all.';
revoke all on function private.has_account(uuid) from public, anon, authenticated, service_role;
