-- Definer rights: only our functions read auth.users. It names operators, and people whom the audit names as actors: no others.
create or replace function public.list_actors()
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_actors constant int := 200;
  v_actors text[] := '{}';
begin
  perform private.require_operator();
  -- Each recursion step finds the next actor in the index. Otherwise each step would read the whole audit.
  if exists (
    select from pg_catalog.pg_index where indexrelid = to_regclass('public.webhook_audit_actor') and indisvalid)
  then
    with recursive actors as (
      (select actor, 1 as place from public.webhook_audit where actor is not null order by actor limit 1)
      union all
      select (
        select audit.actor from public.webhook_audit audit where audit.actor > actors.actor order by audit.actor limit 1),
        place + 1
      from actors where actor is not null and place < c_actors
    )
    select array_agg(actor) into v_actors from actors where actor is not null;
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', people.id, 'email', people.email, 'operator', operator.user_id is not null) order by people.email, people.id), '[]')
    from auth.users people
    left join public.operators operator on operator.user_id = people.id
    -- The ids of an array are looked up one by one. With a join, or with `or`, PostgreSQL would read all accounts.
    where people.id = any (array(
      select actor::uuid from unnest(v_actors) actor
      where actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      union all
      select user_id from public.operators)));
end
$$;

comment on function public.list_actors() is
  'Who an id in the audit is: operators, and people who have called their endpoints, [{id, email, operator}]. At most 200 actors of the audit; who has deleted their account is not among them.';
revoke all on function public.list_actors() from public, anon, authenticated, service_role;
grant execute on function public.list_actors() to authenticated;
