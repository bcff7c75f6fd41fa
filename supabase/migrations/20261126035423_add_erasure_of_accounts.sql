-- Why: Operators erase an account's content from the console.

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/observe/account_content.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.account_content(p_user text)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_user_id uuid := private.find_account(p_user);
begin
  if v_user_id is null then
    return null;
  end if;
  return jsonb_build_object(
    'user_id', v_user_id, 'email', (select email from auth.users where id = v_user_id),
    'has_account', private.has_account(v_user_id),
    'content', (select jsonb_agg(jsonb_build_object('what', what, 'things', things)) from private.content_of_user(v_user_id)),
    'kept', (
      select coalesce(jsonb_agg(jsonb_build_object('place', place, 'things', things)), '[]')
      from private.kept_by_platform(v_user_id)
      -- The reports themselves go.
      where split_part(place, '.', 1) not in (select table_name from public.report_types)));
end
$$;

comment on function public.account_content(text) is
  'What an erasure of a user would take, and what the platform''s tables would keep: {user_id, email, has_account, content: [{what, things}], kept: [{place, things}]}. p_user is an id or a whole e-mail address. Null: no account has this address.';
revoke all on function public.account_content(text) from public, anon, authenticated, service_role;
grant execute on function public.account_content(text) to service_role;

-- supabase/sql/observe/erase_user.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.erase_user(p_user_id uuid, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  -- Whatever becomes of this caller, the sweeps go on.
  insert into private.erasures (user_id) values (p_user_id) on conflict do nothing;
  return public.erase_due(p_limit, p_user_id);
end
$$;

comment on function public.erase_user(uuid, int) is
  'Begins the erasure of a user''s content, or goes on with it: a step as erase_due() takes it, with its answer. What is left, the next call or the next sweep erases.';
revoke all on function public.erase_user(uuid, int) from public, anon, authenticated, service_role;
grant execute on function public.erase_user(uuid, int) to service_role;

-- supabase/sql/observe/find_account.sql
create or replace function private.find_account(p_user text)
returns uuid
language plpgsql stable set search_path = '' as $$
begin
  if p_user ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return p_user::uuid;
  end if;
  -- Auth keeps addresses in lower case, and has an index of those that sign in by themselves. Accounts of single sign-on may
  -- share an address, so that only their id names one.
  return (select id from auth.users where email = lower(btrim(p_user)) and is_sso_user = false);
end
$$;

comment on function private.find_account(text) is
  'The id of a user: p_user is that id, of an account or of a deleted one, or the whole e-mail address of an account. Null: no account has this address.';
revoke all on function private.find_account(text) from public, anon, authenticated, service_role;
