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
      -- Without the reports themselves, which the erasure deletes.
      where split_part(place, '.', 1) not in (select table_name from public.report_types)));
end
$$;

comment on function public.account_content(text) is
  'The content that an erasure of a user would delete, and the content that the platform''s tables would keep: {user_id, email, has_account, content: [{what, things}], kept: [{place, things}]}. p_user is an id or a whole e-mail address. Null: no account has this address.';
revoke all on function public.account_content(text) from public, anon, authenticated, service_role;
grant execute on function public.account_content(text) to service_role;
