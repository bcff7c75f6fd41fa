create or replace view private.due_deliveries with (security_invoker = true) as
  select id, event_id, endpoint_id, report_type, report_id, job_id, attempts, last_attempt, next_attempt
  from public.webhook_deliveries
  where status not in ('success', 'superseded', 'cancelled') and dead_at is null and next_attempt <= now()
    and private.lease_is_free(lease_expires_at);

comment on view private.due_deliveries is
  'Deliveries that a sweep claims from and get_failed_webhooks() lists, including those of a process that died.';
revoke all on table private.due_deliveries from public, anon, authenticated, service_role;
