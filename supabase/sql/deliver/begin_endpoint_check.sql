-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.begin_endpoint_check(
  p_endpoint_id text, p_host text, p_actor text, p_claim_id uuid default null)
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
  -- The owner of the host has not asked for these requests, so their number is limited, whoever the caller is. A repetition of
  -- this call waits for it here, too.
  perform pg_advisory_xact_lock(hashtextextended('polaris.check:' || p_host, 0));
  select * into v_check from private.endpoint_checks where endpoint_id = p_endpoint_id and claim_id = p_claim_id;
  if v_check.id is null
    and (select count(*) from private.endpoint_checks where host = p_host and created_at > now() - interval '1 hour') >= c_per_hour
  then
    return jsonb_build_object('outcome', 'too_many_checks', 'retry_after_seconds', (
      select ceil(extract(epoch from min(created_at) + interval '1 hour' - now()))
      from private.endpoint_checks where host = p_host and created_at > now() - interval '1 hour'));
  end if;
  if v_check.id is null then
    insert into private.endpoint_checks (endpoint_id, host, url, compression, actor, claim_id)
    select p_endpoint_id, p_host, settings.url, settings.compression, p_actor, p_claim_id from private.endpoint_revisions settings
    where settings.endpoint_id = p_endpoint_id and settings.superseded_by is null returning * into v_check;
  end if;
  return jsonb_build_object(
    'outcome', 'begun', 'check_id', v_check.id, 'url', v_check.url,
    'compression', v_check.compression, 'sealed_secrets', (
      select coalesce(jsonb_agg(sealed order by id desc), '[]') from private.endpoint_secrets
      where endpoint_id = p_endpoint_id and (expires_at is null or expires_at > now())));
end
$$;

comment on function public.begin_endpoint_check(text, text, text, uuid) is
  'Allows one check of a subscriber: at most five an hour for its host. Returns {outcome: begun|too_many_checks|endpoint_not_found, check_id, url, compression, sealed_secrets, retry_after_seconds}. A repeated call is recognised by p_claim_id.';
revoke all on function public.begin_endpoint_check(text, text, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.begin_endpoint_check(text, text, text, uuid) to service_role;
