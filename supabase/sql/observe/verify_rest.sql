create or replace function private.verify_rest()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'an erasure that no sweep finishes', due.report_type, due.report_id, null, null
  from private.erasures due
  where due.requested_at < now() - interval '1 day'
  union all
  select 'an erased event that a delivery would still send', event.report_type, event.report_id, event.id, event.job_id
  from public.webhook_deliveries delivery
  join public.report_events event on event.id = delivery.event_id
  where event.erased_at is not null and delivery.dead_at is null
    -- It has no content to be erased: it tells subscribers to forget what they have.
    and event.type <> 'report.deleted'
    and delivery.status not in ('success', 'superseded', 'cancelled');
end
$$;

comment on function private.verify_rest() is
  'Every erasure and every open delivery that breaks an invariant: few rows, looked at as a whole.';
revoke all on function private.verify_rest() from public, anon, authenticated, service_role;
