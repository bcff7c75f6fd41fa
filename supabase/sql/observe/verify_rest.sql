create or replace function private.verify_rest()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'an erasure that no sweep finishes', due.report_type, due.report_id, null, null
  from private.erasures due
  where due.requested_at < now() - interval '1 day'
  union all
  select 'a subscriber without a secret' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state <> 'removed' and not exists (
    select from private.endpoint_secrets secret
    where secret.endpoint_id = subscriber.endpoint_id and secret.expires_at is null)
  union all
  select 'a subscriber without exactly one revision in force' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where (
    select count(*) from private.endpoint_revisions settings
    where settings.endpoint_id = subscriber.endpoint_id and settings.superseded_by is null) <> 1
  union all
  select 'a removed subscriber that deliveries still wait for' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and subscriber.state_since < now() - interval '1 day' and exists (
    select from public.webhook_deliveries delivery
    where delivery.endpoint_id = subscriber.endpoint_id and delivery.dead_at is null
      and delivery.status not in ('success', 'superseded', 'cancelled'));
end
$$;

comment on function private.verify_rest() is
  'Every erasure and every subscriber that breaks an invariant: few rows, looked at as a whole.';
revoke all on function private.verify_rest() from public, anon, authenticated, service_role;
