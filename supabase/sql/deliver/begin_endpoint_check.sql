-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.begin_endpoint_check(p_endpoint_id text, p_host text, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_per_hour constant int := 5;
  v_subscriber private.subscribers;
  v_check private.endpoint_checks;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  -- The owner of the host has not asked for these requests, so their number is limited, whoever the caller is.
  perform pg_advisory_xact_lock(hashtextextended('polaris.check:' || p_host, 0));
  if (select count(*) from private.endpoint_checks where host = p_host and created_at > now() - interval '1 hour') >= c_per_hour then
    return jsonb_build_object('outcome', 'too_many_checks', 'retry_after_seconds', (
      select ceil(extract(epoch from min(created_at) + interval '1 hour' - now()))
      from private.endpoint_checks where host = p_host and created_at > now() - interval '1 hour'));
  end if;
  insert into private.endpoint_checks (endpoint_id, host, url, compression, actor)
  select p_endpoint_id, p_host, settings.url, settings.compression, p_actor from private.endpoint_revisions settings
  where settings.endpoint_id = p_endpoint_id and settings.superseded_by is null returning * into v_check;
  return (
    select jsonb_build_object(
      'outcome', 'begun', 'check_id', v_check.id, 'url', settings.url,
      'compression', v_check.compression, 'sealed_secrets', (
        select coalesce(jsonb_agg(sealed order by id desc), '[]') from private.endpoint_secrets
        where endpoint_id = p_endpoint_id and (expires_at is null or expires_at > now())))
    from private.endpoint_revisions settings where settings.endpoint_id = p_endpoint_id and settings.superseded_by is null);
end
$$;

comment on function public.begin_endpoint_check(text, text, text) is
  'Allows one check of a subscriber: at most five an hour for its host. Returns {outcome: begun|too_many_checks|endpoint_not_found, check_id, url, compression, sealed_secrets, retry_after_seconds}.';
revoke all on function public.begin_endpoint_check(text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.begin_endpoint_check(text, text, text) to service_role;
