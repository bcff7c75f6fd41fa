create or replace function private.is_unwatched()
returns boolean
language sql stable set search_path = '' as $$
  select not exists (
    select from private.heartbeats sweep, private.watch_state watch
    where sweep.source = 'sweep' and watch.only_row
      and (coalesce(sweep.last_at, watch.installed_at) > now() - interval '3 minutes'
        or watch.evaluated_at > now() - interval '50 seconds'))
$$;

comment on function private.is_unwatched() is
  'Whether the last sweep is over three minutes old, and the last evaluation of alerts nearly one.';
revoke all on function private.is_unwatched() from public, anon, authenticated, service_role;
