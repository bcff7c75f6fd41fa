-- Definer rights: Auth deletes accounts in a role of its own, which has no rights on our tables.
create or replace function private.note_account_deletion()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' or old.deleted_at is null and new.deleted_at is not null then
    insert into private.erasures (user_id) values (old.id) on conflict do nothing;
  end if;
  return null;
end
$$;

comment on function private.note_account_deletion() is
  'An account was deleted, or softly deleted by Auth, which keeps its row and sets deleted_at: the next sweep erases what is left of it.';
revoke all on function private.note_account_deletion() from public, anon, authenticated, service_role;
