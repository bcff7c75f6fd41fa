create or replace function private.verify_rest()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'an overdue erasure', due.report_type, due.report_id, null, null
  from private.erasures due
  -- Until it is done, content of a deleted report is no finding. A time in the future would hide that for ever.
  where due.requested_at not between now() - interval '1 day' and now() + interval '1 day'
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
  select 'an unverified or removed subscriber that takes events' || ': ' || subscriber.endpoint_id,
    null, null, null, null
  from private.subscribers subscriber
  join private.endpoint_revisions settings on settings.endpoint_id = subscriber.endpoint_id and settings.superseded_by is null
  where settings.takes_events and (subscriber.state = 'removed' or subscriber.verified_at is null)
  union all
  select 'a removed subscriber that still has a secret' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and exists (
    select from private.endpoint_secrets secret where secret.endpoint_id = subscriber.endpoint_id)
  union all
  select 'an endpoint without its subscriber' || ': ' || endpoint.id, null, null, null, null
  from public.webhook_endpoints endpoint
  left join private.subscribers subscriber on subscriber.endpoint_id = endpoint.id
  where (endpoint.kind = 'subscriber') <> (subscriber.endpoint_id is not null)
  union all
  select 'a plan without progress' || ': ' || plan.id, null, null, null, null
  from public.plans plan
  where plan.status = 'running' and plan.next_slice_at not between now() - interval '1 day' and now() + interval '1 day'
  union all
  -- A circuit is probed after seconds, an alert is sent again after minutes.
  select 'an open circuit that is never probed' || ': ' || circuit.endpoint_id, null, null, null, null
  from public.webhook_circuits circuit
  where greatest(circuit.probe_after, circuit.probe_lease_expires_at) > now() + interval '1 day'
  union all
  select 'an alert message that is never sent' || ': ' || message.id, null, null, null, null
  from public.alert_deliveries message
  where message.next_attempt is not null
    and greatest(message.next_attempt, message.lease_expires_at) > now() + interval '1 day'
  union all
  select 'a removed subscriber with open deliveries' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and subscriber.state_since < now() - interval '1 day' and exists (
    select from public.webhook_deliveries delivery
    where delivery.endpoint_id = subscriber.endpoint_id and delivery.dead_at is null
      and delivery.status not in ('success', 'superseded', 'cancelled'));
end
$$;

comment on function private.verify_rest() is
  'Every erasure, endpoint, subscriber, plan, circuit and alert message that breaks an invariant: few rows, looked at as a whole.';
revoke all on function private.verify_rest() from public, anon, authenticated, service_role;
