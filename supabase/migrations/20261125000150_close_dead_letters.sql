-- Why: a dead letter whose report is deleted has nowhere to go any more. It stayed as it was, so that a redrive said it was back
-- on schedule, and its next attempt made it a dead letter again.

create or replace function private.close_delivery(p_event_id text) returns void
language sql security definer set search_path = '' as $$
  update public.webhook_deliveries
  set status = 'failed', dead_at = coalesce(dead_at, now()), dead_reason = 'report_deleted', next_attempt = null,
    lease_expires_at = null, lease_token = lease_token + 1
  where event_id = p_event_id and status <> 'success' and dead_reason is distinct from 'report_deleted'
$$;

create or replace function private.close_report() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- The report's row is gone already, so a delivery that another process holds is left to it: applying its event, that
  -- process finds the report gone and closes it. Waiting here would turn the order of locks around.
  perform private.close_delivery(event_id) from (
    select event_id from public.webhook_deliveries
    where report_id = old.id and report_type = tg_argv[0] and status <> 'success'
    for update skip locked) open;
  update public.report_jobs
  set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, completed_at = now(),
    error = 'The report was deleted.', updated_at = now()
  where report_id = old.id and report_type = tg_argv[0] and status in ('queued', 'running');
  return null;
end $$;

select private.apply_grants();
